/** A small private network: one namespace a host, all on one Ethernet bridge, without a way out. */
import { execFileSync } from 'node:child_process';
import { atAbruptEnd } from './abrupt-end.ts';
import type { Scope } from './scope.ts';
import { waitFor } from './wait.ts';

export interface Host {
  /** Namespace to give to `Program.start`. */
  readonly namespace: string;
  readonly address: string;
}

/** Interface that each host has besides `lo`. */
export const HOST_INTERFACE = 'eth0';

/** 10.79.<n>.0/24 is private (RFC 1918); namespaces keep two test runs with the same network apart. */
const SUBNET = '10.79.0';

export interface NetworkOptions<Name extends string> {
  /** Address of each host; 10.79.0.1, .2, … unless told. Public ones stay inside all the same: there is no way out. */
  readonly addresses?: Readonly<Record<Name, string>>;
  /** What all hosts reach on the bridge besides their own /24, such as `0.0.0.0/0`. */
  readonly onLink?: string;
}

/** Makes a host for each name. Deleted with the scope, whatever happened in between. */
export async function openNetwork<const Name extends string>(
  scope: Scope,
  names: readonly Name[],
  { addresses, onLink }: NetworkOptions<Name> = {},
): Promise<Record<Name, Host>> {
  const hub = addNamespace(scope, 'hub');
  inside(hub, 'ip', 'link', 'add', 'br0', 'type', 'bridge');
  inside(hub, 'ip', 'link', 'set', 'br0', 'up');
  const hosts = names.map((name, index): [Name, Host] => {
    const namespace = addNamespace(scope, name);
    const address = addresses?.[name] ?? `${SUBNET}.${index + 1}`;
    ip('link', 'add', `port${index}`, 'netns', hub, 'type', 'veth', 'peer', 'name', HOST_INTERFACE, 'netns', namespace);
    inside(hub, 'ip', 'link', 'set', `port${index}`, 'master', 'br0', 'up');
    inside(namespace, 'ip', 'link', 'set', 'lo', 'up');
    inside(namespace, 'ip', 'address', 'add', `${address}/24`, 'dev', HOST_INTERFACE);
    inside(namespace, 'ip', 'link', 'set', HOST_INTERFACE, 'up');
    if (onLink !== undefined) {
      inside(namespace, 'ip', 'route', 'add', onLink, 'dev', HOST_INTERFACE);
    }
    return [name, { namespace, address }];
  });
  for (const [, host] of hosts) {
    // An IPv6 link-local address is unusable until duplicate detection is over; nobody here needs one.
    await waitFor(`the link of ${host.namespace}`, () =>
      inside(host.namespace, 'ip', '-o', 'link', 'show', HOST_INTERFACE).includes('LOWER_UP'),
    );
  }
  return Object.fromEntries(hosts) as Record<Name, Host>;
}

/** A host that reaches the network only through another one, which it shares a private subnet with. */
export function addHostBehind(scope: Scope, router: Host, name: string, subnet = '192.168.1'): Host {
  const namespace = addNamespace(scope, name);
  const [own, gateway] = [`${subnet}.10`, `${subnet}.1`];
  const ends = ['netns', router.namespace, 'type', 'veth', 'peer', 'name', HOST_INTERFACE, 'netns', namespace];
  ip('link', 'add', 'inside', ...ends);
  inside(router.namespace, 'ip', 'address', 'add', `${gateway}/24`, 'dev', 'inside');
  inside(router.namespace, 'ip', 'link', 'set', 'inside', 'up');
  inside(namespace, 'ip', 'link', 'set', 'lo', 'up');
  inside(namespace, 'ip', 'address', 'add', `${own}/24`, 'dev', HOST_INTERFACE);
  inside(namespace, 'ip', 'link', 'set', HOST_INTERFACE, 'up');
  inside(namespace, 'ip', 'route', 'add', 'default', 'via', gateway);
  return { namespace, address: own };
}

/** One without anything in it, which goes with its scope. */
export function addNamespace(scope: Scope, name: string): string {
  const namespace = `imsl-${scope.runId}-${name}`;
  ip('netns', 'add', namespace);
  // Interfaces, addresses and the other end of each veth pair go with the namespace.
  const remove = (): void => {
    ip('netns', 'del', namespace);
  };
  const forget = atAbruptEnd(remove);
  scope.defer(() => {
    forget();
    remove();
  });
  return namespace;
}

/** Runs a command in a namespace and gives what it prints. */
export function inside(namespace: string, ...command: string[]): string {
  return ip('netns', 'exec', namespace, ...command);
}

function ip(...args: string[]): string {
  return execFileSync('ip', args, { encoding: 'utf8', timeout: 10_000 });
}
