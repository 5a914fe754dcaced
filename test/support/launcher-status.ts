/** What a launcher says of itself, asked over its control socket: no process a question. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readStatus, type SystemStatus } from '../../src/control/status.ts';
import { ControlClient } from '../../src/io/control-client.ts';
import type { LaunchPlace } from './launcher.ts';

export async function statusOf(place: Pick<LaunchPlace, 'directory'>): Promise<SystemStatus> {
  const directory = join(place.directory, 'ims-launch');
  const [name = 'no socket'] = readdirSync(directory).filter((entry) => entry.endsWith('.sock'));
  const client = await ControlClient.connect(join(directory, name));
  try {
    const answer = await client.ask({ verb: 'status' }, { timeoutMs: 10_000 });
    const status = typeof answer === 'object' && answer.ok ? readStatus(answer.result) : undefined;
    if (status === undefined) {
      throw new Error(`no status: ${JSON.stringify(answer)}`);
    }
    return status;
  } finally {
    client.close();
  }
}

/** Process ids of relay and IMS; null: there is none of ours. */
export async function pidsOf(place: LaunchPlace): Promise<readonly [relay: number | null, ims: number | null]> {
  const { relay, ims } = (await statusOf(place)).services;
  return [relay.pid, ims.pid];
}

/** Checks of the relay's media that had a result. */
export async function mediaChecksOf(place: LaunchPlace): Promise<number> {
  return (await statusOf(place)).services.relay.health?.media?.checks ?? 0;
}
