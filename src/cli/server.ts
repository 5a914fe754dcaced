import { Command, CommanderError, Option } from 'commander';
import { runServer } from '../app/server/process.ts';
import { packageVersion } from '../app/version.ts';
import { addConfigFlags, configFlagValues } from '../config/flags.ts';
import { ERRORS, ImsError } from '../errors.ts';

/** `ims-server`: resolves to the exit code. */
export async function serverMain(argv: readonly string[]): Promise<number> {
  const command = new Command('ims-server')
    .description('SIP registrar and back-to-back user agent; media goes through the relay at relay.host:relay.port.')
    .version(packageVersion(), '-V, --version')
    .exitOverride()
    .configureOutput({ outputError: () => {} });
  // Between ims-launch and its child only: the configuration comes over the channel between them.
  command.addOption(new Option('--from-supervisor').hideHelp());
  let exitCode = 0;
  addConfigFlags(command).action(async () => {
    exitCode = await runServer({
      configPath: command.opts<{ config?: string }>().config,
      flags: configFlagValues(command),
      fromSupervisor: command.opts<{ fromSupervisor?: boolean }>().fromSupervisor === true,
    });
  });
  try {
    await command.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    return explain(error);
  }
}

function explain(error: unknown): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) {
      return 0;
    }
    const sentence = error.message.replace(/^error: /, '').replaceAll('\n', ' ');
    process.stderr.write(`ims-server: ${sentence}\n${ERRORS.IMS_ERR_USAGE.remedy}\n`);
    return ERRORS.IMS_ERR_USAGE.exitCode;
  }
  if (error instanceof ImsError) {
    process.stderr.write(`ims-server: ${error.message}\n${error.remedy}\n`);
    return error.exitCode;
  }
  throw error;
}
