/**
 * Three hosts, each a network namespace, joined by veth pairs. Nothing of it is connected to this machine's own network,
 * and all of it goes with its scope.
 *
 * ```
 *   caller 10.77.1.2 ── 10.77.1.1 relay 10.77.2.1 ── 10.77.2.2 callee
 *      └ 10.77.3.1      media on 10.77.0.1          10.77.3.2 ┘
 *              └──────────── the floor: a direct pair ─────────┘
 * ```
 */
import { moveInto } from '../../../test/support/namespace-socket.ts';
import { addNamespace, inside } from '../../../test/support/network.ts';
import type { Scope } from '../../../test/support/scope.ts';
import { waitFor } from '../../../test/support/wait.ts';

export interface Lab {
  readonly caller: string;
  readonly relay: string;
  readonly callee: string;
}

export const MEDIA_ADDRESS = '10.77.0.1';
/** Of caller and callee, and of the relay's two interfaces towards them. */
export const PARTIES = ['10.77.1.2', '10.77.2.2'] as const;
export const RELAY_SIDES = ['10.77.1.1', '10.77.2.1'] as const;
export const RELAY_LINKS = ['to-caller', 'to-callee'] as const;
/** Caller and callee on the direct pair. */
export const DIRECT_PARTIES = ['10.77.3.1', '10.77.3.2'] as const;

/** Afterwards this thread, and with it every program that it starts, lives on the relay's host. */
export async function openLab(scope: Scope): Promise<Lab> {
  const lab = {
    caller: addNamespace(scope, 'caller'),
    relay: addNamespace(scope, 'relay'),
    callee: addNamespace(scope, 'callee'),
  };
  for (const namespace of Object.values(lab)) {
    inside(namespace, 'ip', 'link', 'set', 'lo', 'up');
  }
  inside(lab.relay, 'ip', 'address', 'add', `${MEDIA_ADDRESS}/32`, 'dev', 'lo');
  for (const [index, party] of [lab.caller, lab.callee].entries()) {
    const side = index === 0 ? 0 : 1;
    join(lab.relay, RELAY_LINKS[side], RELAY_SIDES[side], party, 'eth0', PARTIES[side]);
    inside(party, 'ip', 'route', 'add', 'default', 'via', RELAY_SIDES[side]);
  }
  join(lab.caller, 'direct', DIRECT_PARTIES[0], lab.callee, 'direct', DIRECT_PARTIES[1]);
  for (const [namespace, ways] of Object.entries({
    [lab.caller]: [PARTIES[1], DIRECT_PARTIES[1], MEDIA_ADDRESS],
    [lab.relay]: PARTIES,
  })) {
    for (const way of ways) {
      await waitFor(`the way from ${namespace} to ${way}`, () => routeWorks(namespace, way));
    }
  }
  moveInto(scope, lab.relay);
  return lab;
}

function join(
  one: string,
  linkOfOne: string,
  addressOfOne: string,
  other: string,
  link: string,
  address: string,
): void {
  const peer = ['peer', 'name', link, 'netns', other] as const;
  inside(one, 'ip', 'link', 'add', linkOfOne, 'type', 'veth', ...peer);
  inside(one, 'ip', 'address', 'add', `${addressOfOne}/24`, 'dev', linkOfOne);
  inside(other, 'ip', 'address', 'add', `${address}/24`, 'dev', link);
  inside(one, 'ip', 'link', 'set', linkOfOne, 'up');
  inside(other, 'ip', 'link', 'set', link, 'up');
}

function routeWorks(namespace: string, address: string): boolean {
  const route = inside(namespace, 'ip', '-o', 'route', 'get', address);
  return !route.includes('linkdown');
}
