/** A linphone user agent (linphonec) in a namespace: a tone from a file as its microphone, what it hears in a file. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Host } from './network.ts';
import { Program } from './program.ts';
import { type Scope, temporaryDirectory } from './scope.ts';
import { readWav, toneWav } from './tone.ts';
import { waitFor } from './wait.ts';

const TONE_SECONDS = 60;

export interface LinphoneOptions {
  readonly name: string;
  readonly host: Host;
  readonly registrar: string;
  readonly user: string;
  readonly password: string;
  readonly toneHz: number;
}

export class Linphone {
  readonly #program: Program;
  readonly #recording: string;

  private constructor(program: Program, recording: string) {
    this.#program = program;
    this.#recording = recording;
  }

  /** Resolves when the registrar has accepted it. */
  static async start(
    scope: Scope,
    { name, host, registrar, user, password, toneHz }: LinphoneOptions,
  ): Promise<Linphone> {
    const directory = await temporaryDirectory(scope);
    // It keeps its database there, and does not make the directory.
    await mkdir(join(directory, '.local', 'share', 'linphone'), { recursive: true });
    const [settings, tone, recording] = ['linphonerc', 'tone.wav', 'heard.wav'].map((file) => join(directory, file));
    await writeFile(settings ?? '', SETTINGS);
    await writeFile(tone ?? '', toneWav(toneHz, TONE_SECONDS));
    const program = Program.start(scope, {
      name,
      command: ['linphonec', '-c', settings ?? ''],
      cwd: directory,
      env: { HOME: directory },
      namespace: host.namespace,
    });
    const phone = new Linphone(program, recording ?? '');
    // Until its transports are open it refuses to register; nothing says when they are.
    await waitFor(
      `${name} to register`,
      async () => {
        phone.#command(`register sip:${user}@${registrar} sip:${registrar} ${password}`);
        phone.#command('status register');
        return /^registered, identity/m.test(program.output);
      },
      { timeoutMs: 60_000, intervalMs: 2000 },
    );
    for (const command of ['soundcard use files', `play ${tone}`, `record ${recording}`]) {
      phone.#command(command);
    }
    return phone;
  }

  dial(uri: string): void {
    this.#command(`call ${uri}`);
  }

  hangUp(): void {
    this.#command('terminate');
  }

  /** What it has decoded from the network; it writes the header of the file when the call ends. */
  async heard(): Promise<{ readonly rateHz: number; readonly samples: Float64Array }> {
    const file = await readFile(this.#recording).catch(() => Buffer.alloc(0));
    return file.length < 44 ? { rateHz: 8000, samples: new Float64Array(0) } : readWav(file);
  }

  async stop(): Promise<void> {
    this.#command('quit');
    await this.#program.waitForExit();
  }

  #command(text: string): void {
    this.#program.write(`${text}\n`);
  }
}

/** UDP on the port of its choice; nothing of video, and no name looked up. */
const SETTINGS = `[sip]
sip_port=5060
sip_tcp_port=-2
sip_tls_port=-2
guess_hostname=1
[video]
enabled=0
capture=0
display=0
[net]
mtu=0
`;
