/**
 * Two parties and a relay between them with an interface towards each, and media on an address of its own: what a row of
 * the kernel path's edge table needs is added to it.
 *
 * ```
 *   alice 10.81.1.2, .3 ── to-alice 10.81.1.1  relay  10.81.2.1 to-bob ── 10.81.2.2 bob
 *         fd81:1::2        fd81:1::1    10.81.0.1, fd81::1    fd81:2::1      fd81:2::2
 * ```
 */
import assert from 'node:assert/strict';
import { type AttackedRelay, type Destination, Phone } from './attack-world.ts';
import { addNamespace, type Host, inside } from './network.ts';
import { createScope, type Scope } from './scope.ts';
import { waitFor } from './wait.ts';

export const MEDIA = { 4: '10.81.0.1', 6: 'fd81::1' } as const;
/** Of the relay's IPv6 address: `-6 six@fd81::1`. */
export const IPV6_LABEL = 'six';

const GENEROUS = { timeoutMs: 60_000 };

export interface EdgeLab {
  readonly alice: string;
  readonly relay: string;
  readonly bob: string;
}

export async function openEdgeLab(scope: Scope): Promise<EdgeLab> {
  const lab = {
    alice: addNamespace(scope, 'alice'),
    relay: addNamespace(scope, 'relay'),
    bob: addNamespace(scope, 'bob'),
  };
  for (const namespace of Object.values(lab)) {
    inside(namespace, 'ip', 'link', 'set', 'lo', 'up');
  }
  for (const address of Object.values(MEDIA)) {
    inside(lab.relay, 'ip', 'address', 'add', address, 'dev', 'lo');
  }
  addLink(lab, 'alice', 1);
  addLink(lab, 'bob', 2);
  inside(lab.alice, 'ip', 'address', 'add', '10.81.1.3/24', 'dev', 'eth1');
  for (const [party, net] of [
    [lab.alice, 1],
    [lab.bob, 2],
  ] as const) {
    inside(party, 'ip', 'route', 'add', 'default', 'via', `10.81.${net}.1`);
    inside(party, 'ip', '-6', 'route', 'add', 'default', 'via', `fd81:${net}::1`);
  }
  for (const [party, net] of [
    ['alice', 1],
    ['bob', 2],
  ] as const) {
    await linkIsUp(lab.relay, `to-${party}`);
    await linkIsUp(lab[party], `eth${net}`);
  }
  return lab;
}

/** Another Ethernet between the relay and a party: 10.81.<net>.0/24 and fd81:<net>::/64, the relay being .1. */
export function addLink(
  { relay, ...parties }: EdgeLab,
  party: 'alice' | 'bob',
  net: number,
  name = `to-${party}`,
): void {
  const there = parties[party];
  inside(relay, 'ip', 'link', 'add', name, 'type', 'veth', 'peer', 'name', `eth${net}`, 'netns', there);
  for (const [namespace, link, last] of [
    [relay, name, 1],
    [there, `eth${net}`, 2],
  ] as const) {
    inside(namespace, 'ip', 'address', 'add', `10.81.${net}.${last}/24`, 'dev', link);
    // Without duplicate detection, which would keep the address from being used for a second.
    inside(namespace, 'ip', '-6', 'address', 'add', `fd81:${net}::${last}/64`, 'dev', link, 'nodad');
    inside(namespace, 'ip', 'link', 'set', link, 'up');
  }
}

async function linkIsUp(namespace: string, name: string): Promise<void> {
  await waitFor(`${name} of ${namespace}`, () =>
    inside(namespace, 'ip', '-o', 'link', 'show', name).includes('LOWER_UP'),
  );
}

let calls = 0;

/** Two phones that talk to each other through the relay. */
export class EdgeCall {
  readonly phones: readonly [Phone, Phone];
  readonly #relay: AttackedRelay;
  readonly #id: string;
  readonly #end: () => Promise<void>;
  #from: readonly [number, number] = [0, 0];

  private constructor(relay: AttackedRelay, id: string, phones: readonly [Phone, Phone], end: () => Promise<void>) {
    this.#relay = relay;
    this.#id = id;
    this.phones = phones;
    this.#end = end;
  }

  /** @param towards what alice and bob send to, where it is not what the relay has told them */
  static async start(
    relay: AttackedRelay,
    alice: Host,
    bob: Host,
    towards: (granted: Destination, side: 0 | 1) => Destination = (granted) => granted,
  ): Promise<EdgeCall> {
    const id = `edge-${++calls}`;
    const { scope, close } = createScope();
    const port = 4000 + calls * 10;
    const phones = [new Phone(scope, alice, port), new Phone(scope, bob, port)] as const;
    [phones[0].partner, phones[1].partner] = [phones[1], phones[0]];
    let ports: readonly [Destination, Destination];
    try {
      const forBob = await relay.grant(`U${modifiers(alice, bob)} ${id} ${alice.address} ${port} A`);
      ports = [await relay.grant(`L${modifiers(bob, alice)} ${id} ${bob.address} ${port} A B`), forBob];
    } catch (error) {
      await close();
      throw error;
    }
    const call = new EdgeCall(relay, id, phones, close);
    phones[0].talk(towards({ ...ports[0], address: mediaFor(alice) }, 0));
    phones[1].talk(towards({ ...ports[1], address: mediaFor(bob) }, 1));
    return call;
  }

  /** Its legs take these ways in the end; no other call of the relay must be up. */
  async takes(states: Readonly<Record<string, number>>): Promise<void> {
    const names = Object.keys(states).map((state) => `nflows_${state.replaceAll('-', '_')}`);
    const wanted = Object.values(states).join(' ');
    let found = '';
    try {
      await waitFor(
        `legs that are ${JSON.stringify(states)}`,
        async () => {
          found = (await this.#relay.counters(...names)).join(' ');
          return found === wanted;
        },
        GENEROUS,
      );
    } catch (error) {
      throw new Error(`${(error as Error).message}, found ${found}\n${this.#relay.program.output}`);
    }
  }

  /** The kernel alone forwards so many packets more. */
  async passesKernel(more = 20): Promise<void> {
    const [before = 0] = await this.#relay.counters('npkts_kernel');
    await waitFor(
      'packets by the kernel',
      async () => ((await this.#relay.counters('npkts_kernel'))[0] ?? 0) >= before + more,
      GENEROUS,
    );
  }

  /** From now on what each of them says is looked at by `heardAll`. */
  forgetLosses(): void {
    this.#from = [this.phones[0].sent, this.phones[1].sent];
  }

  /** Each hears so many words more of the other. */
  async talks(words = 20): Promise<void> {
    const goals = this.phones.map(({ heard }) => heard.size + words);
    await waitFor('words', () => this.phones.every(({ heard }, side) => heard.size >= (goals[side] ?? 0)), GENEROUS);
  }

  /** They fall silent, and each has heard every word of the other, in order. */
  async heardAll(): Promise<void> {
    const [alice, bob] = this.phones;
    alice.fallSilent();
    bob.fallSilent();
    const pairs = [
      [alice, bob, this.#from[0]],
      [bob, alice, this.#from[1]],
    ] as const;
    const missing = (): number[][] =>
      pairs.map(([from, to, first]) =>
        Array.from({ length: from.sent - first }, (_, index) => first + index).filter((word) => !to.heard.has(word)),
      );
    try {
      await waitFor('every word', () => missing().every((words) => words.length === 0), { timeoutMs: 15_000 });
    } catch {
      const [ofAlice = [], ofBob = []] = missing();
      assert.fail(`of alice's ${alice.sent} words bob missed ${ofAlice}; of bob's ${bob.sent} alice missed ${ofBob}`);
    }
    for (const { heard } of this.phones) {
      const order = [...heard];
      const overtaken = order.filter((word, index) => word < (order[index - 1] ?? 0)).length;
      // Two, because a busy kernel may hand two packets of one sender to two processors.
      assert.ok(overtaken <= 2, `${overtaken} packets were overtaken`);
    }
  }

  async end(): Promise<void> {
    await this.#relay.ask(`D ${this.#id} A B`);
    await this.#end();
  }
}

/** Of a command that names the party `of` and opens the leg that `facing` will send to. */
function modifiers(of: Host, facing: Host): string {
  const [isOf6, isFacing6] = [of.address.includes(':'), facing.address.includes(':')];
  const local = isFacing6 ? `L{${IPV6_LABEL}}` : isOf6 ? `L${MEDIA[4]}` : '';
  return `${isOf6 ? '6' : ''}${local}`;
}

function mediaFor({ address }: Host): string {
  return address.includes(':') ? MEDIA[6] : MEDIA[4];
}
