/** The operator's verbs: each asks the launcher that runs with the same configuration. */
import { setTimeout as delay } from 'node:timers/promises';
import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import type { ControlRequest, ControlService } from '../control/protocol.ts';
import { readStatus, VERDICT_EXIT_CODES, type Verdict } from '../control/status.ts';
import { ImsError } from '../errors.ts';
import type { ControlClient } from '../io/control-client.ts';
import type { BanReport } from '../observe/ipc.ts';
import { ask, connectToLauncher, notRunning, requireLauncher } from './launcher-client.ts';
import { StatusLine, showWait } from './progress.ts';
import {
  formatBans,
  formatEvent,
  formatLogLine,
  formatReload,
  formatStatus,
  type ReloadAnswer,
} from './status-report.ts';

interface Options {
  readonly config?: string;
  readonly json?: boolean;
  readonly follow?: boolean;
  /** `--no-wait` */
  readonly wait?: boolean;
  readonly max?: number;
  readonly timeout: number;
}

/** Between looks for a launcher that is still to come, milliseconds. */
const APPEARANCE_POLL_MS = 100;

const DEFAULT_TIMEOUT_MS = 60_000;

export function controlCommands(): Command[] {
  return [
    verb('status', 'show relay and IMS; exit status 0 ready, 1 degraded, 2 starting, 3 not running, 4 no answer')
      .option('--json', 'as one JSON object')
      .action(run(status)),
    verb('health', 'exit status 0 if calls work, else 1; for health checks').action(run(health)),
    verb('wait', 'wait until the system is ready')
      .addOption(new Option('--for <state>', 'what to wait for').choices(['ready']).default('ready'))
      .option('--timeout <seconds>', 'give up after this time', parseSeconds, DEFAULT_TIMEOUT_MS)
      .action(run(waitFor)),
    verb('stop', 'stop IMS and relay as Ctrl-C does, and wait until they are gone')
      .option('--no-wait', 'do not wait')
      .action(run((options) => end(options, { verb: 'stop' }))),
    verb('kill', 'kill everything at once')
      .option('--no-wait', 'do not wait')
      .action(run((options) => end(options, { verb: 'kill' }))),
    verb('drain', 'take no new calls, stop after the last one')
      .option('--max <seconds>', 'stop then at the latest (default: supervisor.drainMaxMs)', parseSeconds)
      .option('--no-wait', 'do not wait')
      .action(run((options) => end(options, { verb: 'drain', limitMs: options.max }))),
    verb('restart', 'restart one service; the other goes on')
      .addArgument(serviceArgument(true))
      .option('--no-wait', 'do not wait until the system is ready again')
      .option('--timeout <seconds>', 'wait no longer than this', parseSeconds, DEFAULT_TIMEOUT_MS)
      .action(run(restart)),
    verb('reload', 'read the configuration file again').action(run(reload)),
    verb('events', 'what happened: the last 2000 events')
      .option('-f, --follow', 'go on with those to come')
      .option('--json', 'one JSON object a line')
      .action(run((options) => tail(options, { verb: 'events', follow: options.follow === true }, formatEvent))),
    verb('bans', 'addresses that get no answer because they guessed passwords, and users whose password is guessed')
      .option('--json', 'as a JSON array')
      .action(run(bans)),
    verb('unban', 'answer such an address again, open such a user’s account')
      .argument('<address>', 'IP address, user, or "all"')
      .action((address: string, options: Options) => unban(options, address)),
    verb('logs', 'what relay and IMS printed last')
      .addArgument(serviceArgument(false))
      .option('-f, --follow', 'go on with what is to come')
      .option('--json', 'one JSON object a line')
      .action(run(logs)),
  ];
}

function verb(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .option('-c, --config <path>', 'configuration file of the launcher (default: config/config.json)');
}

function serviceArgument(required: boolean): Argument {
  return new Argument(required ? '<service>' : '[service]', 'relay or ims').choices(['relay', 'ims']);
}

/** commander calls with the arguments, the command's options and the command. */
function run(action: (options: Options, service: ControlService | undefined) => Promise<void>) {
  return async (...words: unknown[]): Promise<void> => {
    const command = words.at(-1) as Command;
    await action(command.optsWithGlobals<Options>(), command.args[0] as ControlService | undefined);
  };
}

async function status({ config, json }: Options): Promise<void> {
  const client = await connectToLauncher(config);
  const answer = client === undefined ? 'closed' : await client.ask({ verb: 'status' }, { timeoutMs: 5000 });
  client?.close();
  const found = typeof answer === 'object' && answer.ok ? readStatus(answer.result) : undefined;
  const verdict: Verdict = client === undefined ? 'stopped' : (found?.verdict ?? 'unknown');
  if (json === true) {
    print(JSON.stringify(found ?? { verdict }, null, 2));
  } else if (found !== undefined) {
    process.stdout.write(formatStatus(found, process.stdout.isTTY === true));
  } else {
    print(client === undefined ? notRunning(config).message : 'ims-launch runs, but does not answer');
  }
  process.exitCode = VERDICT_EXIT_CODES[verdict];
}

async function health({ config }: Options): Promise<void> {
  const client = await connectToLauncher(config).catch(() => undefined);
  const answer = await client?.ask({ verb: 'health' }, { timeoutMs: 5000 });
  client?.close();
  const result = typeof answer === 'object' && answer.ok ? (answer.result as { verdict?: unknown } | null) : undefined;
  const verdict = client === undefined ? 'stopped' : String(result?.verdict ?? 'unknown');
  print(verdict);
  // Docker knows 0 and 1 only.
  process.exitCode = verdict === 'ready' ? 0 : 1;
}

async function waitFor({ config, timeout }: Options): Promise<void> {
  const deadline = performance.now() + timeout;
  const client = await appearance(config, deadline);
  try {
    await untilReady(client, config, Math.max(0, deadline - performance.now()));
  } finally {
    client.close();
  }
}

/** @throws ImsError IMS_ERR_NOT_RUNNING when no launcher has come by then */
async function appearance(config: string | undefined, deadline: number): Promise<ControlClient> {
  const line = new StatusLine(process.stderr);
  try {
    for (;;) {
      const client = await connectToLauncher(config);
      if (client !== undefined) {
        return client;
      }
      if (performance.now() >= deadline) {
        throw notRunning(config);
      }
      line.show('waiting for ims-launch to start');
      await delay(APPEARANCE_POLL_MS);
    }
  } finally {
    line.clear();
  }
}

async function restart({ config, wait, timeout }: Options, service: ControlService | undefined): Promise<void> {
  if (service === undefined) {
    throw new ImsError('IMS_ERR_USAGE', 'restart relay, or ims?');
  }
  const client = await requireLauncher(config);
  try {
    await ask(client, { verb: 'restart', service });
    if (wait !== false) {
      await untilReady(client, config, timeout);
    }
  } finally {
    client.close();
  }
}

/** @throws ImsError when it cannot become ready, or not in time */
async function untilReady(client: ControlClient, config: string | undefined, timeoutMs: number): Promise<void> {
  const asked = client.ask({ verb: 'wait', for: 'ready', timeoutMs }, { timeoutMs: timeoutMs + 5000 });
  const answer = await showWait(client, asked);
  if (answer === 'closed') {
    throw notRunning(config);
  }
  if (answer === 'timeout') {
    throw new ImsError('IMS_ERR_NO_ANSWER', 'ims-launch does not answer');
  }
  if (!answer.ok) {
    const { code, message } = answer.error;
    throw new ImsError(code === 'timeout' ? 'IMS_ERR_WAIT_TIMEOUT' : 'IMS_ERR_CONTROL_REFUSED', message);
  }
}

/** Asks for the end, and waits for it: the launcher closes the connection last. */
async function end({ config, wait }: Options, request: ControlRequest): Promise<void> {
  const client = await requireLauncher(config);
  try {
    await ask(client, request);
    if (wait !== false) {
      await showWait(client, client.closed);
    }
  } finally {
    client.close();
  }
}

async function reload({ config }: Options): Promise<void> {
  const client = await requireLauncher(config);
  try {
    const answer = (await ask(client, { verb: 'reload' })) as ReloadAnswer;
    print(formatReload(answer));
    process.exitCode = answer.certificate?.kind === 'refused' ? 1 : 0;
  } finally {
    client.close();
  }
}

async function bans({ config, json }: Options): Promise<void> {
  const client = await requireLauncher(config);
  try {
    const found = (await ask(client, { verb: 'bans' })) as BanReport[];
    print(json === true ? JSON.stringify(found) : formatBans(found));
  } finally {
    client.close();
  }
}

async function unban({ config }: Options, address: string): Promise<void> {
  const client = await requireLauncher(config);
  try {
    const count = await ask(client, { verb: 'unban', address: address === 'all' ? undefined : address });
    print(count === 0 ? `${address} is not banned` : `answered again: ${count}`);
    process.exitCode = count === 0 && address !== 'all' ? 1 : 0;
  } finally {
    client.close();
  }
}

async function logs(options: Options, service: ControlService | undefined): Promise<void> {
  await tail(options, { verb: 'logs', follow: options.follow === true, service }, formatLogLine);
}

async function tail({ config, json }: Options, request: ControlRequest, format: (item: unknown) => string) {
  const client = await requireLauncher(config);
  const onItem = (item: unknown): void => print(json === true ? JSON.stringify(item) : format(item));
  // `logs -f | head -1`: nobody reads any more, so there is nothing left to follow.
  let readerGone = false;
  process.stdout.once('error', () => {
    readerGone = true;
    client.close();
  });
  try {
    await client.ask(request, { timeoutMs: Number.POSITIVE_INFINITY, onItem });
  } catch (error) {
    if (!readerGone) {
      throw error;
    }
  }
  client.close();
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** @returns milliseconds */
function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (text.trim() === '' || !(seconds >= 0 && seconds <= 86_400)) {
    throw new InvalidArgumentError('expected seconds, at most 86400.');
  }
  return seconds * 1000;
}
