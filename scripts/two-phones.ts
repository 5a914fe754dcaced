/**
 * `npm run phones`: two baresip user agents on this machine register as 1001 and 1002, 1001 calls 1002, each sends a
 * tone of its own, and each must have heard the other's. The system has to run already (`npm start`).
 *
 *   npm run phones [-- --server ADDRESS[:PORT] --seconds N]
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { addressQuestion } from '../src/config/address-question.ts';
import { loadConfig } from '../src/config/load.ts';
import { resolveServerAddress } from '../src/io/server-address.ts';
import { readWav, toneShare, toneWav } from '../test/support/tone.ts';

interface Phone {
  readonly user: string;
  readonly toneHz: number;
  readonly sipPort: number;
  readonly answer: 'auto' | 'manual';
}

const CALLER: Phone = { user: '1001', toneHz: 440, sipPort: 5070, answer: 'manual' };
const CALLEE: Phone = { user: '1002', toneHz: 1000, sipPort: 5080, answer: 'auto' };

/** Longest wait for a registration, an answer or a hang-up. */
const PATIENCE_MS = 10_000;

/** A tone counts as heard when this share of the energy is on it. */
const HEARD_SHARE = 0.8;

class Baresip {
  readonly #child: ChildProcess;
  readonly #folder: string;
  #output = '';

  constructor(phone: Phone, server: string, password: string, root: string) {
    this.#folder = join(root, phone.user);
    mkdirSync(this.#folder);
    const tone = join(this.#folder, 'tone.wav');
    writeFileSync(tone, toneWav(phone.toneHz, 120));
    writeFileSync(join(this.#folder, 'contacts'), '');
    writeFileSync(
      join(this.#folder, 'accounts'),
      `<sip:${phone.user}@${server}>;auth_pass=${password};answermode=${phone.answer}\n`,
    );
    writeFileSync(join(this.#folder, 'config'), configuration(phone, tone, this.#folder));
    this.#child = spawn('baresip', ['-4', '-f', this.#folder], { stdio: ['pipe', 'pipe', 'pipe'] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
      });
    }
    this.#child.stdin?.on('error', () => {
      // It has ended before it could be told to.
    });
    this.#child.once('error', (error) => {
      this.#output += `\n${error.message}\n`;
    });
  }

  type(command: string): void {
    this.#child.stdin?.write(`/${command}\n`);
  }

  async saw(pattern: RegExp, what: string): Promise<void> {
    const giveUpAt = performance.now() + PATIENCE_MS;
    while (!pattern.test(this.#output)) {
      if (performance.now() > giveUpAt || this.#child.exitCode !== null) {
        const [, reason = ''] = /session closed: (.*)/.exec(this.#output) ?? [];
        const why = reason === '' ? '' : ` (${reason})`;
        throw new Error(
          `${what} did not happen${why}; "npx ims-launch check" may say why. baresip said:\n${this.#output}`,
        );
      }
      await delay(50);
    }
  }

  /** Share of the energy of what was decoded from the network that is on the tone, 0–1, and its length. */
  heard(toneHz: number): { share: number; seconds: number } {
    const name = readdirSync(this.#folder).find((file) => file.endsWith('-dec.wav'));
    const { samples, rateHz } = readWav(readFileSync(join(this.#folder, name ?? '')));
    return { share: toneShare(samples, toneHz, rateHz), seconds: samples.length / rateHz };
  }

  async quit(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.pid !== undefined) {
      const gone = once(this.#child, 'exit');
      this.type('quit');
      await Promise.race([gone, delay(3000).then(() => this.#child.kill('SIGKILL'))]);
    }
  }
}

function configuration(phone: Phone, tone: string, recordings: string): string {
  const modules = ['/usr/lib/baresip/modules', '/usr/local/lib/baresip/modules', '/usr/lib64/baresip/modules'];
  return [
    'poll_method epoll',
    `sip_listen 0.0.0.0:${phone.sipPort}`,
    `audio_source aufile,${tone}`,
    'audio_player aubridge,nowhere',
    'audio_alert aubridge,nowhere',
    `module_path ${modules.find((path) => existsSync(path)) ?? modules[0]}`,
    ...['stdio', 'g711', 'aufile', 'aubridge', 'sndfile'].map((name) => `module ${name}.so`),
    ...['uuid', 'account'].map((name) => `module_tmp ${name}.so`),
    'module_app menu.so',
    `snd_path ${recordings}`,
    '',
  ].join('\n');
}

async function main(): Promise<boolean> {
  const { values } = parseArgs({ options: { server: { type: 'string' }, seconds: { type: 'string', default: '5' } } });
  const loaded = loadConfig({ env: process.env, flags: {}, cwd: process.cwd() });
  const { advertised } = await resolveServerAddress(addressQuestion(loaded));
  const server = values.server ?? `${advertised}:${loaded.config.SERVER_PORT}`;
  const seconds = Math.min(60, Math.max(1, Number(values.seconds) || 5));
  const folder = mkdtempSync(join(tmpdir(), 'ims-launch-phones-'));
  const phones = [CALLER, CALLEE].map(
    (phone) => new Baresip(phone, server, loaded.config.USERS[phone.user] ?? '', folder),
  );
  const [caller, callee] = phones as [Baresip, Baresip];
  try {
    await Promise.all(phones.map((phone) => phone.saw(/200 OK .*binding/, `the registration at ${server}`)));
    console.log(`1001 and 1002 are registered at ${server}; 1001 calls 1002 for ${seconds} s`);
    caller.type(`dial sip:${CALLEE.user}@${server}`);
    await caller.saw(/Call established/, 'the answer');
    await delay(seconds * 1000);
    caller.type('hangup');
    await callee.saw(/session closed|terminated \(duration/, 'the hang-up');
    await Promise.all(phones.map((phone) => phone.quit()));
    const results = [
      { who: '1001', tone: CALLEE.toneHz, ...caller.heard(CALLEE.toneHz) },
      { who: '1002', tone: CALLER.toneHz, ...callee.heard(CALLER.toneHz) },
    ];
    for (const { who, tone, share, seconds: length } of results) {
      const verdict = share >= HEARD_SHARE ? 'ok' : 'NOT HEARD';
      console.log(
        `${who} received ${length.toFixed(1)} s of audio, ${Math.round(share * 100)} % of it the other phone's ${tone} Hz: ${verdict}`,
      );
    }
    return results.every(({ share }) => share >= HEARD_SHARE);
  } finally {
    await Promise.all(phones.map((phone) => phone.quit()));
    rmSync(folder, { recursive: true, force: true });
  }
}

process.exitCode = await main().then(
  (heard) => (heard ? 0 : 1),
  (error: Error) => {
    console.error(error.message);
    return 1;
  },
);
