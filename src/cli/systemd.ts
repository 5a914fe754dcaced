/** `ims-launch systemd`: a unit file on standard output. */
import { resolve } from 'node:path';
import { Command } from 'commander';
import { formatUnits } from '../app/launch/systemd-unit.ts';
import { addressQuestion } from '../config/address-question.ts';
import { loadConfig } from '../config/load.ts';
import { openRtppClient } from '../io/rtpp-client-driver.ts';
import { resolveServerAddress } from '../io/server-address.ts';

interface SystemdOptions {
  readonly config?: string;
  readonly split?: boolean;
  readonly user?: string;
}

export function systemdCommand(): Command {
  return new Command('systemd')
    .description('print a unit file: ims-launch systemd > /etc/systemd/system/ims-launch.service')
    .option('--split', 'two units, each below a line with its name: the relay, and the IMS that is ordered after it')
    .option('--user <name>', 'account that the service runs as, in place of one that systemd makes')
    .option('-c, --config <path>', 'configuration file of the service')
    .action(async (_options: unknown, command: Command) => {
      await print(command.optsWithGlobals<SystemdOptions>());
    });
}

async function print({ config: path, split = false, user }: SystemdOptions): Promise<void> {
  const loaded = loadConfig({ path, env: {}, flags: {}, cwd: process.cwd() });
  const address = await resolveServerAddress(addressQuestion(loaded));
  const { host, port } = loaded.config.relay;
  const client = await openRtppClient({ host, port });
  const control = client.remote;
  await client.close();
  const absolute = { ...loaded, path: resolve(loaded.path) };
  const units = formatUnits({ loaded: absolute, address, control, user }, split);
  const texts = units.map(({ name, text }) => (split ? `# /etc/systemd/system/${name}\n${text}` : text));
  process.stdout.write(texts.join('\n'));
}
