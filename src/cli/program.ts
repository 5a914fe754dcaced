/** The command line of `ims-launch`. */
import { Command, CommanderError } from 'commander';
import { packageVersion } from '../app/version.ts';
import { ERRORS, ImsError } from '../errors.ts';
import { complain, formatText } from './complain.ts';
import { startCommand } from './start.ts';

/**
 * Runs one command to its end.
 * @param argv the words after the program's name
 * @returns the exit status
 */
export async function runProgram(argv: readonly string[]): Promise<number> {
  for (const stream of [process.stdout, process.stderr]) {
    // A reader that went away (`ims-launch | head -1`) is no reason to stop a telephone system.
    stream.on('error', () => {});
  }
  const version = packageVersion();
  const program = new Command('ims-launch')
    .description(
      'One command brings up a SIP/IMS server with its RTP media relay, watches both and stops them together.',
    )
    .version(version, '-V, --version')
    .addCommand(startCommand(version), { isDefault: true });
  if (!meansStart(argv)) {
    const { otherCommands } = await import('./other-commands.ts');
    for (const command of otherCommands()) {
      program.addCommand(command);
    }
  }
  for (const command of [program, ...program.commands]) {
    command
      .exitOverride()
      .configureOutput({ outputError: () => {} })
      .showSuggestionAfterError();
  }
  const isStart = meansStart(argv);
  try {
    await program.parseAsync(argv, { from: 'user' });
    return Number(process.exitCode ?? 0);
  } catch (error) {
    return explain(error, isStart ? complain : printError);
  } finally {
    if (!isStart) {
      await Promise.all([process.stdout, process.stderr].map(flush));
    }
  }
}

/** A pipe holds 64 KiB: who reads it page by page wants the rest as well. Resolves when it is written, or nobody reads. */
function flush(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.writableLength === 0) {
      resolve();
    } else {
      stream.write('', () => resolve());
    }
  });
}

/** Then the other commands need not be loaded: every start and every restart by a service manager is the shorter. */
function meansStart(argv: readonly string[]): boolean {
  const [first = 'start'] = argv;
  return (first === 'start' || first.startsWith('-')) && !argv.includes('--help') && !argv.includes('-h');
}

type Complaint = (message: string, remedy: string) => void;

/** Mistakes in the words of a command are answered as a command is: in words. */
function printError(message: string, remedy: string): void {
  process.stderr.write(formatText(message, remedy));
}

function explain(error: unknown, tell: Complaint): number {
  if (error instanceof CommanderError) {
    // --help and --version end this way, too.
    if (error.exitCode === 0) {
      return 0;
    }
    printError(error.message.replace(/^error: /, '').replaceAll('\n', ' '), ERRORS.IMS_ERR_USAGE.remedy);
    return ERRORS.IMS_ERR_USAGE.exitCode;
  }
  if (error instanceof ImsError) {
    (error.code === 'IMS_ERR_USAGE' ? printError : tell)(error.message, error.remedy);
    return error.exitCode;
  }
  tell(error instanceof Error ? (error.stack ?? error.message) : String(error), ERRORS.IMS_ERR_INTERNAL.remedy);
  return ERRORS.IMS_ERR_INTERNAL.exitCode;
}
