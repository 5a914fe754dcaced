/** `ims-launch calls`: every call, and whether its parties hear each other. */
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { Command } from 'commander';
import type { CallsAnswer } from '../app/launch/calls.ts';
import { formatCalls } from './calls-report.ts';
import { ask, requireLauncher } from './launcher-client.ts';

interface Options {
  readonly config?: string;
  readonly watch?: boolean;
  readonly json?: boolean;
}

const INTERVAL_MS = 1000;

/** Cursor to the top left, and everything after it goes. */
const CLEAR = '\u001b[H\u001b[J';

export function callsCommand(): Command {
  return new Command('calls')
    .description('the calls there are, what each party sends, and who is not heard')
    .option('-c, --config <path>', 'configuration file of the launcher (default: config/config.json)')
    .option('-w, --watch', 'again each second, until Ctrl-C')
    .option('--json', 'as one JSON object, with --watch one a line')
    .action(calls);
}

async function calls({ config, watch, json }: Options): Promise<void> {
  const client = await requireLauncher(config);
  const isTty = process.stdout.isTTY === true;
  const readerGone = once(process.stdout, 'error').then(() => 'gone' as const);
  try {
    for (;;) {
      const answer = (await ask(client, { verb: 'calls' })) as CallsAnswer;
      const text = json === true ? `${JSON.stringify(answer, null, watch ? 0 : 2)}\n` : formatCalls(answer, isTty);
      process.stdout.write(watch === true && isTty && json !== true ? CLEAR + text : text);
      if (watch !== true || (await Promise.race([delay(INTERVAL_MS), readerGone])) === 'gone') {
        return;
      }
    }
  } finally {
    client.close();
  }
}
