import { daemonise } from '../app/relay/daemonise.ts';
import { DAEMON_ENVIRONMENT, runRelay } from '../app/relay/process.ts';
import { packageVersion } from '../app/version.ts';
import { ImsError } from '../errors.ts';
import { parseRelayArguments } from './relay-arguments.ts';

/** What scripts for rtpproxy expect of every start that fails, a usage error included. */
const START_FAILURE = 1;

/** `ims-relay`: resolves to the exit code. */
export async function relayMain(argv: readonly string[]): Promise<number> {
  const invocation = parseRelayArguments(argv, packageVersion());
  if (!invocation.ok) {
    process.stderr.write(`ims-relay: ${invocation.error}\nims-relay --help lists the options.\n`);
    return START_FAILURE;
  }
  if (invocation.value.kind === 'print') {
    process.stdout.write(`${invocation.value.text}\n`);
    return 0;
  }
  const { options } = invocation.value;
  try {
    // The process that is left behind gets the same words, however --daemon was abbreviated in them.
    const startsDaemon = options.daemon && process.env[DAEMON_ENVIRONMENT] === undefined;
    return await (startsDaemon ? daemonise(argv) : runRelay(options));
  } catch (error) {
    if (error instanceof ImsError) {
      process.stderr.write(`ims-relay: ${error.message}\n${error.remedy}\n`);
      return START_FAILURE;
    }
    throw error;
  }
}
