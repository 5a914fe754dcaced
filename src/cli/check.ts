/** `ims-launch check`: why is there no audio? Works beside a running system, beside somebody else's, and without any. */
import { resolve } from 'node:path';
import { Command } from 'commander';
import { collectFacts } from '../app/doctor/collect.ts';
import { askLauncher } from '../app/doctor/launcher.ts';
import { processFacts } from '../app/doctor/processes.ts';
import { workingDirectory } from '../app/working-directory.ts';
import { DEFAULT_CONFIG_PATH, type LoadedConfig, loadConfig } from '../config/load.ts';
import { loadOverridden, type Override } from '../config/overrides.ts';
import { quote } from '../doctor/commands.ts';
import { diagnose } from '../doctor/diagnose.ts';
import type { LauncherFacts } from '../doctor/facts/launcher.ts';
import type { Facts, NoFacts } from '../doctor/facts.ts';
import { ImsError } from '../errors.ts';
import { unixSocketOwner } from '../io/port-owner.ts';
import { formatCheck } from './check-report.ts';
import { connectToLauncher, launcherSockets } from './launcher-client.ts';
import { callOf } from './own-name.ts';

interface Options {
  readonly config?: string;
  readonly json?: boolean;
}

/** Something that breaks calls was found. */
const FOUND = 1;

export function checkCommand(): Command {
  return new Command('check')
    .description('find out why there is no audio, and say what to type; exit status 0 unless something breaks calls')
    .option('-c, --config <path>', 'configuration file (default: config/config.json)')
    .option('--json', 'as one JSON object')
    .action(async (_options: unknown, command: Command) => {
      await check(command.optsWithGlobals<Options>());
    });
}

async function check({ config, json }: Options): Promise<void> {
  const naming = {
    program: callOf(process.argv[1] ?? '', process.env),
    configFlag: config === undefined ? '' : ` --config ${quote(config)}`,
  };
  const facts = await gather(config, naming);
  const findings = diagnose(facts);
  const ok = !findings.some(({ severity }) => severity === 'breaks');
  process.stdout.write(
    json === true
      ? `${JSON.stringify({ ok, findings }, null, 2)}\n`
      : formatCheck(facts, findings, process.stdout.isTTY === true),
  );
  process.exitCode = ok ? 0 : FOUND;
}

async function gather(
  path: string | undefined,
  naming: Pick<Facts, 'program' | 'configFlag'>,
): Promise<Facts | NoFacts> {
  const { env } = process;
  const cwd = workingDirectory();
  let loaded: LoadedConfig;
  try {
    loaded = loadConfig({ path, env, flags: {}, cwd });
  } catch (error) {
    if (!(error instanceof ImsError)) {
      throw error;
    }
    const { code, message } = error;
    return {
      configuration: {
        path: resolve(cwd, path ?? DEFAULT_CONFIG_PATH),
        found: true,
        stale: false,
        error: { code, message },
      },
    };
  }
  const { launcher, stale, overrides } = await findLauncher(path);
  const inForce = overrides === undefined ? loaded : asItRuns(loaded, { path, cwd }, overrides);
  return await collectFacts({ ...naming, loaded: inForce, launcher, stale, env });
}

/** A system that runs has an environment of its own. A file that does not go with it any more is told as stale. */
function asItRuns(
  loaded: LoadedConfig,
  sources: Parameters<typeof loadOverridden>[0],
  overrides: readonly Override[],
): LoadedConfig {
  try {
    return loadOverridden(sources, overrides);
  } catch (error) {
    if (error instanceof ImsError) {
      return loaded;
    }
    throw error;
  }
}

async function findLauncher(
  path: string | undefined,
): Promise<{ launcher: LauncherFacts; stale: boolean; overrides?: readonly Override[] | undefined }> {
  let reason = 'it does not answer';
  try {
    const client = await connectToLauncher(path);
    if (client === undefined) {
      return { launcher: { kind: 'absent' }, stale: false };
    }
    const { facts, stale, overrides } = await askLauncher(client);
    client.close();
    if (facts !== undefined) {
      return { launcher: facts, stale, overrides };
    }
  } catch (error) {
    if (!(error instanceof ImsError)) {
      throw error;
    }
    reason = error.message;
  }
  const owners = launcherSockets(path).map((socket) => unixSocketOwner(socket));
  const owner = processFacts(owners.find((found) => found !== undefined));
  return { launcher: { kind: 'mute', reason, owner }, stale: false };
}
