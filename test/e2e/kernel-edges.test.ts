/** Networks in which the kernel may not forward, or has to do it with care: where RTP passes then, and that none is lost. */
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { AttackedRelay } from '../support/attack-world.ts';
import { addLink, EdgeCall, IPV6_LABEL, MEDIA, openEdgeLab } from '../support/edge-lab.ts';
import { type Host, inside } from '../support/network.ts';
import { peersPresent } from '../support/peers.ts';
import { openScope } from '../support/scope.ts';
import { waitFor } from '../support/wait.ts';

/** A call over the relay that the rows share; it ends with its row. */
type Begin = (alice: Host, bob: Host, towards?: Parameters<typeof EdgeCall.start>[3]) => Promise<EdgeCall>;

test('the edges of the kernel path', async (t) => {
  if (!peersPresent(t, 'network namespaces', 'bpf', 'nftables')) return;
  const scope = openScope(t);
  const lab = await openEdgeLab(scope);
  const alice: Host = { namespace: lab.alice, address: '10.81.1.2' };
  const bob: Host = { namespace: lab.bob, address: '10.81.2.2' };
  const host: Host = { namespace: lab.relay, address: MEDIA[4] };
  const relay = await AttackedRelay.start(scope, host, 60, '-6', `${IPV6_LABEL}@${MEDIA[6]}`, '--plane=kernel');
  const onRelay = (...command: string[]): string => inside(lab.relay, ...command);

  const row = async (name: string, act: (begin: Begin) => Promise<void>): Promise<void> => {
    await t.test(name, async () => {
      const open: EdgeCall[] = [];
      try {
        await act(async (...parties) => {
          const call = await EdgeCall.start(relay, ...parties);
          open.push(call);
          return call;
        });
      } finally {
        for (const call of open) {
          await call.end();
        }
      }
    });
  };

  for (const [family, ofAlice, ofBob] of [
    [4, '10.81.1.2', '10.81.2.2'],
    [6, 'fd81:1::2', 'fd81:2::2'],
  ] as const) {
    await row(`IPv${family}, media on an address of lo, two interfaces: by the kernel`, async (begin) => {
      const call = await begin({ ...alice, address: ofAlice }, { ...bob, address: ofBob });
      await call.takes({ kernel: 2 });
      await call.passesKernel();
      await call.heardAll();
    });
  }

  await row('both parties on one interface: it leaves by where it came', async (begin) => {
    const call = await begin(alice, { ...alice, address: '10.81.1.3' });
    await call.takes({ kernel: 2 });
    await call.passesKernel();
    await call.heardAll();
  });

  await row('one party on IPv4, the other on IPv6: by the sockets', async (begin) => {
    const call = await begin(alice, { ...bob, address: 'fd81:2::2' });
    await call.takes({ 'two-families': 2 });
    await call.talks();
    await call.heardAll();
  });

  await row('a party on the host of the relay: by the sockets', async (begin) => {
    const call = await begin(alice, { namespace: lab.relay, address: '10.81.1.1' });
    await call.takes({ 'local-peer': 2 });
    await call.talks();
    await call.heardAll();
  });

  await row('a way whose MTU is too small: by the sockets, and back when it has grown', async (begin) => {
    const call = await begin(alice, bob);
    await call.takes({ kernel: 2 });
    onRelay(...['ip', 'route', 'add', `${bob.address}/32`, 'dev', 'to-bob', 'mtu', '150']);
    await call.takes({ 'too-long': 1, kernel: 1 });
    await call.talks();
    onRelay('ip', 'route', 'del', `${bob.address}/32`);
    await call.takes({ kernel: 2 });
    await call.passesKernel();
    await call.heardAll();
  });

  await row('a neighbour that is forgotten is asked for again', async (begin) => {
    const call = await begin(alice, bob);
    await call.takes({ kernel: 2 });
    for (let time = 0; time < 3; time += 1) {
      onRelay('ip', 'neigh', 'flush', 'dev', 'to-bob');
      await call.passesKernel();
    }
    await call.takes({ kernel: 2 });
    await call.heardAll();
  });

  await row('an interface that comes later is taken, and a policy route is followed by it', async (begin) => {
    addLink(lab, 'bob', 3, 'to-bob-too');
    const call = await begin(alice, bob);
    await call.takes({ kernel: 2 });
    const sentByIt = (): number =>
      Number(
        /"packets":([0-9]+)/.exec(onRelay('ip', '-s', '-j', 'link', 'show', 'to-bob-too').split('"tx"')[1] ?? '')?.[1],
      );
    await waitFor('the new interface', () => onRelay('ip', '-o', 'link', 'show', 'to-bob-too').includes('LOWER_UP'));
    onRelay('ip', 'route', 'add', 'default', 'via', '10.81.3.2', 'table', '100');
    onRelay(...['ip', 'rule', 'add', 'from', MEDIA[4], 'to', bob.address, 'lookup', '100']);
    const before = sentByIt();
    await waitFor('packets by the new interface', () => sentByIt() >= before + 20);
    await call.passesKernel();
    await call.takes({ kernel: 2 });
    onRelay('ip', 'rule', 'del', 'from', MEDIA[4], 'to', bob.address, 'lookup', '100');
    await call.passesKernel();
    await call.heardAll();
  });

  await row('the interface of a call is taken away: it goes on by the other one, and by the kernel', async (begin) => {
    addLink(lab, 'bob', 4, 'to-bob-once');
    inside(lab.bob, 'ip', 'address', 'add', '10.81.9.9/32', 'dev', 'lo');
    for (const [link, gateway, metric] of [
      ['to-bob-once', '10.81.4.2', '10'],
      ['to-bob', bob.address, '20'],
    ] as const) {
      onRelay(...['ip', 'route', 'add', '10.81.9.9/32', 'via', gateway, 'dev', link, 'metric', metric]);
    }
    const call = await begin(alice, { ...bob, address: '10.81.9.9' });
    await call.takes({ kernel: 2 });
    await call.passesKernel();
    onRelay('ip', 'link', 'del', 'to-bob-once');
    // What was on its way by it is gone with it, as with any router.
    await call.talks();
    call.forgetLosses();
    await call.passesKernel();
    await call.takes({ kernel: 2 });
    await call.heardAll();
  });

  await row('a bridge of this host: by its master, where packets arrive', async (begin) => {
    addLink(lab, 'bob', 5, 'port-to-bob');
    onRelay('ip', 'link', 'add', 'br0', 'type', 'bridge');
    onRelay('ip', 'address', 'del', '10.81.5.1/24', 'dev', 'port-to-bob');
    onRelay('ip', 'link', 'set', 'port-to-bob', 'master', 'br0');
    onRelay('ip', 'address', 'add', '10.81.5.1/24', 'dev', 'br0');
    onRelay('ip', 'link', 'set', 'br0', 'up');
    const call = await begin(alice, { ...bob, address: '10.81.5.2' });
    await call.takes({ kernel: 2 });
    await call.passesKernel();
    await call.heardAll();
  });

  await row('a tunnel has no Ethernet of its own: by the sockets', async (begin) => {
    for (const [namespace, here, there] of [
      [lab.relay, '1', bob.address],
      [lab.bob, '2', '10.81.2.1'],
    ] as const) {
      inside(namespace, ...['ip', 'link', 'add', 'vx', 'type', 'vxlan', 'id', '7', 'dstport', '4789', 'remote', there]);
      inside(namespace, 'ip', 'address', 'add', `10.81.7.${here}/24`, 'dev', 'vx');
      inside(namespace, 'ip', 'link', 'set', 'vx', 'up');
    }
    const call = await begin(alice, { ...bob, address: '10.81.7.2' });
    await call.takes({ tunnel: 2 });
    await call.talks();
    await call.heardAll();
  });

  await row('ports that a NAT of this host has changed: by the sockets, both ways', async (begin) => {
    const rules = (text: string): void => {
      execFileSync('ip', ['netns', 'exec', lab.relay, 'nft', '-f', '-'], { input: text, timeout: 10_000 });
    };
    rules(`table ip edges {
      chain arriving {
        type nat hook prerouting priority dstnat;
        ip daddr 10.81.1.1 udp dport 20000-20999 dnat to ${MEDIA[4]}
      }
    }`);
    const call = await begin(alice, bob, (granted, side) =>
      side === 0 ? { ...granted, address: '10.81.1.1' } : granted,
    );
    await call.takes({ unseen: 2 });
    await call.talks();
    await call.heardAll();
    rules('delete table ip edges');
  });
});

test('media on all addresses of the host: by the sockets', async (t) => {
  if (!peersPresent(t, 'network namespaces', 'bpf')) return;
  const scope = openScope(t);
  const lab = await openEdgeLab(scope);
  const relay = await AttackedRelay.start(
    scope,
    { namespace: lab.relay, address: '0.0.0.0' },
    10,
    ...['--plane=kernel', '-A', MEDIA[4]],
  );
  const call = await EdgeCall.start(
    relay,
    { namespace: lab.alice, address: '10.81.1.2' },
    { namespace: lab.bob, address: '10.81.2.2' },
  );
  await call.takes({ 'any-address': 2 });
  await call.talks();
  await call.heardAll();
  await call.end();
});
