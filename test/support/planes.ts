/** Which ways of moving packets there are here: a test of what every plane must do runs once for each. */
import { createRelay } from '../../src/app/relay/relay.ts';
import { freeUdpPort } from './ports.ts';

export type PlaneName = 'portable' | 'native';

/** Those of this version that work on this machine. */
export async function planesHere(): Promise<PlaneName[]> {
  const planes: PlaneName[] = [];
  for (const plane of ['portable', 'native'] as const) {
    const control = [`udp:127.0.0.1:${await freeUdpPort()}`];
    const relay = await createRelay({ plane, control, addresses: [LOOPBACK] });
    await relay.close();
    if (relay.details.plane === plane) {
      planes.push(plane);
    }
  }
  return planes;
}

const LOOPBACK = { family: 4, address: '127.0.0.1', advertised: undefined, label: undefined } as const;
