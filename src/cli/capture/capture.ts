/** `ims-launch capture`: SIP and media of a call, or of all, as a file for tshark and Wireshark. */
import { randomUUID } from 'node:crypto';
import { Command, InvalidArgumentError } from 'commander';
import { requireLauncher } from '../launcher-client.ts';
import { StatusLine } from '../progress.ts';
import { visible } from '../visible.ts';
import { CaptureFile, STDOUT } from './capture-file.ts';
import { CaptureSession, type Ending } from './capture-session.ts';
import { formatEnd, formatProgress } from './report.ts';

interface Options {
  readonly config?: string;
  readonly call?: string;
  readonly seconds: number;
  readonly output?: string;
  readonly maxMegabytes: number;
  readonly force?: boolean;
}

const DEFAULT_MEGABYTES = 100;

export function captureCommand(): Command {
  return new Command('capture')
    .description(
      'SIP and media of a call, or of all, as a pcap for tshark and Wireshark; passwords and keys are masked',
    )
    .option('-c, --config <path>', 'configuration file of the launcher (default: config/config.json)')
    .option('--call <id>', 'of one call only: a Call-ID of either leg, or the id of its record; ends with the call')
    .option('--seconds <number>', 'end after this time (default: at Ctrl-C)', parseSeconds, Number.POSITIVE_INFINITY)
    .option('-o, --output <file>', 'where to, "-": standard output (default: capture-TIME.pcap)')
    .option('--max-megabytes <number>', 'end when the file is so large', parseMegabytes, DEFAULT_MEGABYTES)
    .option('--force', 'replace a file of that name')
    .action(capture);
}

async function capture({ config, call, seconds, output, maxMegabytes, force }: Options): Promise<void> {
  const path = output ?? `capture-${new Date().toISOString().replace(/[-:]|\.\d+/g, '')}.pcap`;
  const client = await requireLauncher(config);
  try {
    const session = await CaptureSession.begin(client, randomUUID(), call);
    const file = await CaptureFile.open(path, { maxBytes: maxMegabytes * 1_000_000, force: force === true });
    try {
      await run(session, file, path, seconds);
    } finally {
      await file.close();
    }
  } finally {
    client.close();
  }
}

async function run(session: CaptureSession, file: CaptureFile, path: string, seconds: number): Promise<void> {
  const name = path === STDOUT ? 'standard output' : visible(path);
  const line = new StatusLine(process.stderr);
  for (const absent of session.absent) {
    process.stderr.write(`${visible(absent)}: that half is missing\n`);
  }
  if (process.stderr.isTTY !== true) {
    process.stderr.write(`capturing into ${name}\n`);
  }
  const interrupted = new AbortController();
  const interrupt = (): void => interrupted.abort();
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  let ending: Ending;
  try {
    ending = await session.run(file, {
      seconds,
      interrupted: interrupted.signal,
      onProgress: (figures) => line.show(formatProgress(figures, file.bytes, name)),
    });
  } finally {
    line.clear();
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
  process.stderr.write(formatEnd(session.figures, file.bytes, name, ending));
}

function parseSeconds(text: string): number {
  return parseNumber(text, 86_400, 'seconds');
}

function parseMegabytes(text: string): number {
  return parseNumber(text, 100_000, 'megabytes');
}

function parseNumber(text: string, max: number, unit: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value > 0 && value <= max)) {
    throw new InvalidArgumentError(`expected ${unit}, more than 0 and at most ${max}.`);
  }
  return value;
}
