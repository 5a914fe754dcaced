/** A baresip user agent in a namespace: no sound card, a tone as its microphone, what it hears in a file. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Host } from './network.ts';
import { Program } from './program.ts';
import { type Scope, temporaryDirectory } from './scope.ts';
import { readWav, TELEPHONE_RATE_HZ, toneWav } from './tone.ts';

/** Where Debian's baresip-core puts them, in one of the two. */
const MODULE_DIRECTORIES = ['/usr/lib/baresip/modules', '/usr/local/lib/baresip/modules'];

/** Longer than any test's call: aufile falls silent at the end of the file. */
const TONE_SECONDS = 60;

const ENDED = /session closed|terminated \(duration/g;

export interface BaresipOptions {
  readonly name: string;
  readonly host: Host;
  readonly registrar: string;
  readonly user: string;
  readonly password: string;
  /** Frequency of the tone that it sends. */
  readonly toneHz: number;
  readonly answer: 'auto' | 'manual';
  /** For so long it registers; it does so anew shortly before. 120 unless told. */
  readonly expiresSeconds?: number;
  /** `udp` unless told. The registrar's port is the one of the transport. */
  readonly transport?: 'udp' | 'tcp' | 'tls';
  /** PEM file: who may have signed the registrar's certificate. */
  readonly authority?: string;
}

export class Baresip {
  readonly #program: Program;
  readonly #recordings: string;

  private constructor(program: Program, recordings: string) {
    this.#program = program;
    this.#recordings = recordings;
  }

  /** Resolves when the registrar has accepted it. */
  static async start(scope: Scope, options: BaresipOptions): Promise<Baresip> {
    const directory = await temporaryDirectory(scope);
    const recordings = join(directory, 'recordings');
    await mkdir(recordings);
    const tone = join(directory, 'tone.wav');
    await writeFile(tone, toneWav(options.toneHz, TONE_SECONDS));
    await writeFile(join(directory, 'config'), await configuration(tone, recordings, options.authority));
    await writeFile(join(directory, 'contacts'), '');
    const { user, registrar, password, answer, transport = 'udp', expiresSeconds = 120 } = options;
    await writeFile(
      join(directory, 'accounts'),
      `<sip:${user}@${registrar};transport=${transport}>;auth_pass=${password};regint=${expiresSeconds};answermode=${answer}\n`,
    );
    const program = Program.start(scope, {
      name: options.name,
      command: ['baresip', '-4', '-f', directory],
      cwd: directory,
      namespace: options.host.namespace,
    });
    const baresip = new Baresip(program, recordings);
    await program.waitForLine(/200 OK .*\[\d+ binding/);
    return baresip;
  }

  dial(uri: string): void {
    this.#command(`dial ${uri}`);
  }

  /** Calls that were established until now; below, how often it said that one has ended. */
  get calls(): number {
    return this.#count(/Call established/g);
  }

  get ended(): number {
    return this.#count(ENDED);
  }

  hangUp(): void {
    this.#command('hangup');
  }

  async established(): Promise<void> {
    await this.#program.waitForLine(/Call established/);
  }

  /** The call has ended, whoever ended it. */
  async closed(): Promise<void> {
    await this.#program.waitForLine(new RegExp(ENDED.source));
  }

  /** What it has decoded from the network so far: the samples of its newest recording. */
  async heard(): Promise<Float64Array> {
    const names = (await readdir(this.#recordings)).filter((name) => name.endsWith('-dec.wav')).sort();
    const newest = names.at(-1);
    if (newest === undefined) {
      return new Float64Array(0);
    }
    const { rateHz, samples } = readWav(await readFile(join(this.#recordings, newest)));
    if (rateHz !== TELEPHONE_RATE_HZ) {
      throw new Error(`baresip recorded at ${rateHz} Hz`);
    }
    return samples;
  }

  async stop(): Promise<void> {
    this.#command('quit');
    await this.#program.waitForExit();
  }

  #count(pattern: RegExp): number {
    return this.#program.output.match(pattern)?.length ?? 0;
  }

  /** Long commands are typed after a slash. */
  #command(text: string): void {
    this.#program.write(`/${text}\n`);
  }
}

async function configuration(tone: string, recordings: string, authority: string | undefined): Promise<string> {
  return [
    'poll_method epoll',
    'sip_listen 0.0.0.0:5060',
    ...(authority === undefined ? [] : [`sip_cafile ${authority}`, 'sip_verify_server yes']),
    `audio_source aufile,${tone}`,
    // A bridge without another end: a player that needs no sound card.
    'audio_player aubridge,nowhere',
    'audio_alert aubridge,nowhere',
    'rtcp_mux no',
    'jitter_buffer_delay 1-5',
    `module_path ${await moduleDirectory()}`,
    ...['stdio', 'g711', 'aufile', 'aubridge', 'sndfile'].map((name) => `module ${name}.so`),
    ...['uuid', 'account'].map((name) => `module_tmp ${name}.so`),
    'module_app menu.so',
    `snd_path ${recordings}`,
    '',
  ].join('\n');
}

async function moduleDirectory(): Promise<string> {
  for (const directory of MODULE_DIRECTORIES) {
    const names: string[] = await readdir(directory).catch(() => []);
    if (names.includes('g711.so')) {
      return directory;
    }
  }
  throw new Error(`no baresip modules in ${MODULE_DIRECTORIES.join(' or ')}`);
}
