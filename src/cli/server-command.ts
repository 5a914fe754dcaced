/** `ims-server` on its own: flags, environment and a configuration file. */
import { Command, CommanderError } from 'commander';
import { runServer, type ServerSettings } from '../app/server/process.ts';
import { packageVersion } from '../app/version.ts';
import { workingDirectory } from '../app/working-directory.ts';
import { addressQuestion } from '../config/address-question.ts';
import { addConfigFlags, configFlagValues } from '../config/flags.ts';
import { loadConfig } from '../config/load.ts';
import { ERRORS } from '../errors.ts';
import { resolveServerAddress } from '../io/server-address.ts';

/** Resolves to the exit code. */
export async function runServerCommand(argv: readonly string[]): Promise<number> {
  const command = new Command('ims-server')
    .description('SIP registrar and back-to-back user agent; media goes through the relay at relay.host:relay.port.')
    .version(packageVersion(), '-V, --version')
    .exitOverride()
    .configureOutput({ outputError: () => {} });
  let exitCode = 0;
  addConfigFlags(command).action(async () => {
    exitCode = await runServer(() => readSettings(command));
  });
  try {
    await command.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) {
      throw error;
    }
    // --help and --version end this way, too.
    if (error.exitCode === 0) {
      return 0;
    }
    const sentence = error.message.replace(/^error: /, '').replaceAll('\n', ' ');
    process.stderr.write(`ims-server: ${sentence}\n${ERRORS.IMS_ERR_USAGE.remedy}\n`);
    return ERRORS.IMS_ERR_USAGE.exitCode;
  }
}

async function readSettings(command: Command): Promise<ServerSettings> {
  const path = command.opts<{ config?: string }>().config;
  const flags = configFlagValues(command);
  const loaded = loadConfig({ path, flags, env: process.env, cwd: workingDirectory() });
  const address = await resolveServerAddress(addressQuestion(loaded));
  return { config: loaded.config, address, warnings: [...loaded.warnings, ...address.warnings] };
}
