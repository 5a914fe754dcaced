/** One sipp playing one side of a call, paced by the test. Scenarios are in test/peers/sipp. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Program } from './program.ts';
import { projectRoot } from './project.ts';
import type { RtpParty } from './rtp-party.ts';
import { type Scope, temporaryDirectory } from './scope.ts';
import { headerOf, type LoggedMessage, type MediaLine, mediaOf, parseSippLog } from './sip-log.ts';
import type { SippScript } from './sipp-script.ts';
import { boundUdpPorts, listeningTcpPorts } from './survivors.ts';
import { waitFor } from './wait.ts';

export interface SippOptions {
  /** File name in test/peers/sipp without `.xml`; with `script` only a name. */
  readonly scenario: string;
  readonly script?: SippScript;
  readonly localPort: number;
  /** `udp` unless told. Over TCP a side that begins has no port of its own, and cannot be paced. */
  readonly transport?: 'udp' | 'tcp';
  /** Where requests go, for a side that begins: a port on 127.0.0.1. */
  readonly remotePort?: number;
  /** User that is called or registered: `[service]`. */
  readonly service?: string;
  readonly caller?: string;
  readonly password?: string;
  /** Call-ID of the calls that this side begins; sipp's own unless told. */
  readonly callId?: string;
  /** Parameters of the Contact that is registered: `@CONTACT@`. */
  readonly contactParameters?: string;
  /** Final answer that the scenario expects: `@FINAL@`. */
  readonly finalStatus?: number;
  /** Whose address and port go into the SDP: `@MEDIA_ADDRESS@`, `@MEDIA_PORT@`. */
  readonly media?: RtpParty;
  /** Where the phone has its media after a hold, if not where it was: `@LATER_PORT@`. */
  readonly laterMedia?: RtpParty;
  /** A second, video, media line after each audio line that is `sendrecv`. */
  readonly video?: RtpParty | undefined;
}

export class Sipp {
  readonly #program: Program;
  readonly #options: SippOptions;
  readonly #logPath: string;
  #step = 0;

  private constructor(program: Program, options: SippOptions, logPath: string) {
    this.#program = program;
    this.#options = options;
    this.#logPath = logPath;
  }

  /** Resolves when sipp listens. */
  static async start(scope: Scope, options: SippOptions): Promise<Sipp> {
    const directory = await temporaryDirectory(scope);
    const path = join(projectRoot, 'test', 'peers', 'sipp', `${options.scenario}.xml`);
    const source = options.script?.toString() ?? (await readFile(path, 'utf8'));
    const scenario = join(directory, `${options.scenario}.xml`);
    await writeFile(scenario, fillIn(source, options));
    const logPath = join(directory, 'messages.log');
    const program = Program.start(scope, {
      name: `sipp-${options.scenario}`,
      command: ['sipp', ...sippArguments(options, scenario, logPath)],
      cwd: directory,
    });
    await waitFor(`sipp on port ${options.localPort}`, () => !program.running || isOpen(program, options));
    return new Sipp(program, options, logPath);
  }

  async messages(): Promise<LoggedMessage[]> {
    return parseSippLog(await readFile(this.#logPath, 'utf8').catch(() => ''));
  }

  /** The `nth` received message (1: the first) whose first line matches, once it is there. */
  async received(startLine: RegExp, nth = 1): Promise<LoggedMessage> {
    const what = `${startLine} number ${nth} at ${this.#program.name}`;
    const attempt = async (): Promise<LoggedMessage | undefined> => {
      const running = this.#program.running;
      const all = (await this.messages()).filter(({ direction }) => direction === 'received');
      const found = all.filter((message) => startLine.test(message.startLine))[nth - 1];
      if (found === undefined && !running) {
        throw new Error(`${this.#program.name} ended before ${what}`);
      }
      return found;
    };
    try {
      return await waitFor(what, attempt, { timeoutMs: 20_000 });
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${await this.#report()}`, { cause: error });
    }
  }

  /** Where the other side wants its audio (or video), by the first received message of that kind. */
  async mediaToldBy(startLine: RegExp, kind: 'audio' | 'video' = 'audio'): Promise<MediaLine> {
    const message = await this.received(startLine);
    const line = mediaOf(message).find(({ media }) => media === kind);
    assert.ok(line, `${kind} in the SDP of ${message.startLine}`);
    return line;
  }

  /** Lets the scenario go on: it waits for an INFO at these points, which no server sees. */
  async proceed(): Promise<void> {
    const first = (await this.messages()).find((message) => headerOf(message, 'Call-ID') !== undefined);
    assert.ok(first, `${this.#program.name} has no call yet`);
    const step = ++this.#step;
    const info = [
      `INFO sip:127.0.0.1:${this.#options.localPort} SIP/2.0`,
      `Via: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKtest-step-${this.#options.localPort}-${step}`,
      `From: <sip:test@127.0.0.1>;tag=test${step}`,
      'To: <sip:sipp@127.0.0.1>',
      `Call-ID: ${await this.#currentCallId()}`,
      `CSeq: ${1_000_000 + step} INFO`,
      'Content-Length: 0',
      '\r\n',
    ].join('\r\n');
    const socket = createSocket('udp4');
    await new Promise<void>((resolve, reject) => {
      socket.send(info, this.#options.localPort, '127.0.0.1', (error) => (error ? reject(error) : resolve()));
    }).finally(() => socket.close());
  }

  /** The scenario ran to its end as written. */
  async completes(timeoutMs = 30_000): Promise<void> {
    const { code } = await this.#program.waitForExit(timeoutMs);
    assert.equal(code, 0, `${this.#program.name} failed:\n${await this.#report()}`);
  }

  /** Everything that helps to see why a scenario failed. */
  async #report(): Promise<string> {
    const errors = await readFile(`${this.#logPath}.errors`, 'utf8').catch(() => '');
    return `${errors}\n${transcript(await this.messages())}\n${this.#program.output}`;
  }

  async #currentCallId(): Promise<string | undefined> {
    const last = (await this.messages()).at(-1);
    return last && headerOf(last, 'Call-ID');
  }
}

/** Registers a user from the port on which it will be called; ends when the registrar has answered. */
export async function registerWithSipp(
  scope: Scope,
  options: Pick<SippOptions, 'localPort' | 'remotePort' | 'service' | 'password'> & Partial<SippOptions>,
): Promise<LoggedMessage[]> {
  const sipp = await Sipp.start(scope, { scenario: 'register', ...options });
  await sipp.completes();
  return sipp.messages();
}

/** sipp would open `[media_port]` itself, so the port of the test's own phone is written into the scenario. */
function fillIn(scenario: string, options: SippOptions): string {
  const { caller, contactParameters, finalStatus, media, laterMedia = media, video } = options;
  const withVideo =
    video === undefined
      ? scenario
      : scenario.replaceAll(
          /^( *)a=sendrecv$/gm,
          `$&\n$1m=video ${video.port} RTP/AVP 96\n$1a=rtpmap:96 H264/90000\n$1a=sendrecv`,
        );
  return withVideo
    .replaceAll('@CALLER@', caller ?? '')
    .replaceAll('@CONTACT@', contactParameters ?? '')
    .replaceAll('@FINAL@', String(finalStatus ?? 200))
    .replaceAll('@MEDIA_ADDRESS@', media?.address ?? '127.0.0.1')
    .replaceAll('@MEDIA_PORT@', String(media?.port ?? 9))
    .replaceAll('@LATER_PORT@', String(laterMedia?.port ?? 9));
}

function isOpen(program: Program, { transport, localPort, remotePort }: SippOptions): boolean {
  if (transport !== 'tcp') {
    return boundUdpPorts().has(localPort);
  }
  // Its own: for TCP somebody else may have the number.
  return remotePort !== undefined || listeningTcpPorts(program.processes()).includes(localPort);
}

function sippArguments(options: SippOptions, scenario: string, logPath: string): string[] {
  const { localPort, remotePort, service, caller, password, callId } = options;
  return [
    ...(remotePort === undefined ? [] : [`127.0.0.1:${remotePort}`]),
    ...['-sf', scenario, '-m', '1', '-i', '127.0.0.1', '-p', String(localPort)],
    ...(options.transport === 'tcp' ? ['-t', 't1'] : []),
    ...(service === undefined ? [] : ['-s', service]),
    ...(callId === undefined ? [] : ['-cid_str', callId]),
    ...['-au', caller ?? service ?? '', '-ap', password ?? ''],
    ...['-trace_msg', '-message_file', logPath, '-trace_err', '-error_file', `${logPath}.errors`],
    ...['-nostdin', '-timeout', '60s', '-timeout_error', '-recv_timeout', '30000'],
  ];
}

function transcript(messages: readonly LoggedMessage[]): string {
  return messages.map(({ direction, text }) => `--- ${direction}\n${text}`).join('\n');
}
