import { runServer } from '../app/server/process.ts';
import { ImsError } from '../errors.ts';

/** The only word between ims-launch and its child: the configuration comes over the channel between them. */
const FROM_SUPERVISOR = '--from-supervisor';

/** `ims-server`: resolves to the exit code. */
export async function serverMain(argv: readonly string[]): Promise<number> {
  try {
    if (argv.length === 1 && argv[0] === FROM_SUPERVISOR) {
      return await runServer();
    }
    // What reads flags and files takes longer to load than the server itself; a child of ims-launch does without.
    const { runServerCommand } = await import('./server-command.ts');
    return await runServerCommand(argv);
  } catch (error) {
    if (!(error instanceof ImsError)) {
      throw error;
    }
    process.stderr.write(`ims-server: ${error.message}\n${error.remedy}\n`);
    return error.exitCode;
  }
}
