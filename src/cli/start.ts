import { Command } from 'commander';
import { launch } from '../app/launch/launch.ts';
import { workingDirectory } from '../app/working-directory.ts';
import { addConfigFlags, configFlagValues } from '../config/flags.ts';
import { ImsError } from '../errors.ts';
import { formatBanner } from './banner.ts';
import { complain } from './complain.ts';

/** `ims-launch start`: the command that is meant when none is named. Sets `process.exitCode`. */
export function startCommand(version: string): Command {
  const command = new Command('start').description('start relay and IMS, watch them, stop them together (the default)');
  // As the default command it also gets the words that are no command.
  return addConfigFlags(command.allowExcessArguments()).action(async () => {
    const [word] = command.args;
    if (word !== undefined) {
      throw new ImsError('IMS_ERR_USAGE', `unknown command "${word}"`);
    }
    const { exitCode, failure } = await launch({
      configPath: command.opts<{ config?: string }>().config,
      flags: configFlagValues(command),
      env: process.env,
      cwd: workingDirectory(),
      onReady: (facts) => process.stdout.write(formatBanner(facts, version)),
    });
    if (failure !== undefined) {
      complain(failure.message, failure.remedy);
    }
    process.exitCode = exitCode;
  });
}
