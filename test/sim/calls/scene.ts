/** Caller, server and callees in virtual time, and what can become of a call between them. */
import { Phone, type PhoneScript } from './phone.ts';
import { ServerNode, type ServerNodeOptions } from './server-node.ts';
import { World } from './world.ts';

export interface Scene {
  readonly world: World;
  readonly node: ServerNode;
  readonly caller: Phone;
  readonly callees: readonly Phone[];
}

export interface SceneOptions extends Partial<ServerNodeOptions> {
  readonly seed?: number;
  readonly loss?: number;
  readonly caller?: PhoneScript;
  readonly callees?: readonly PhoneScript[];
}

export function scene(options: SceneOptions): Scene {
  const world = new World(options.seed ?? 1, options.loss ?? 0);
  const node = new ServerNode(world, { trustedPeers: ['10.0.0.11'], ...options });
  const caller = new Phone(world, '10.0.0.11', options.caller);
  const callees = (options.callees ?? [{}]).map((script, index) => new Phone(world, `10.0.0.${21 + index}`, script));
  for (const [index, callee] of callees.entries()) {
    node.register('1002', callee.at, options.callees?.[index]?.q);
  }
  return { world, node, caller, callees };
}

/** Long enough for every timer of a call to have run out, shorter than a registration. */
export const AFTERWARDS = 1_000_000;

export function play(options: SceneOptions): Scene {
  const played = scene(options);
  played.caller.call('1002');
  played.world.run(AFTERWARDS);
  return played;
}

export interface Scenario {
  readonly name: string;
  readonly options: SceneOptions;
  /** Final status of the INVITE, and who ended the call, when all goes as it is meant to. */
  readonly status: number;
  readonly endedBy: 'caller' | 'callee' | 'server';
}

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'answered, the caller hangs up',
    options: { caller: { hangUpAfterMs: 30_000 }, callees: [{ answerAfterMs: 4000 }] },
    status: 200,
    endedBy: 'caller',
  },
  {
    name: 'answered, the callee hangs up',
    options: { callees: [{ answerAfterMs: 4000, hangUpAfterMs: 30_000 }] },
    status: 200,
    endedBy: 'callee',
  },
  {
    name: 'early media, then answered',
    options: { caller: { hangUpAfterMs: 30_000 }, callees: [{ answerAfterMs: 4000, earlyMedia: true }] },
    status: 200,
    endedBy: 'caller',
  },
  {
    name: 'late offer',
    options: { caller: { lateOffer: true, hangUpAfterMs: 30_000 }, callees: [{ answerAfterMs: 4000 }] },
    status: 200,
    endedBy: 'caller',
  },
  {
    name: 'held by the caller',
    options: { caller: { holdAfterMs: 5000, hangUpAfterMs: 90_000 }, callees: [{ answerAfterMs: 4000 }] },
    status: 200,
    endedBy: 'caller',
  },
  {
    name: 'busy',
    options: { callees: [{ answerAfterMs: 2000, refuseWith: 486 }] },
    status: 486,
    endedBy: 'callee',
  },
  {
    name: 'cancelled while it rings',
    options: { caller: { cancelAfterMs: 20_000 } },
    status: 487,
    endedBy: 'caller',
  },
  {
    name: 'nobody answers',
    options: { ringTimeoutMs: 60_000 },
    status: 408,
    endedBy: 'server',
  },
];

export interface Verdict {
  /** Both phones and the record say what the scenario is to end with. */
  readonly asMeant: boolean;
  /** However it ended: the caller is free, there is one record, and the server keeps nothing of the call. */
  readonly clean: boolean;
  /** A callee heard the INVITE, but nothing that it said arrived: it may not be cancelled (RFC 3261 9.1). */
  readonly ringsOn: boolean;
  /** Datagrams that were sent, by all. */
  readonly datagrams: number;
}

/** Plays a scenario once. The same seed and loss, the same verdict. */
export function judge({ options, status, endedBy }: Scenario, seed: number, loss: number): Verdict {
  const { world, node, caller, callees } = play({ ...options, seed, loss });
  const [record, ...others] = node.ended;
  const empty = Object.values(node.leftovers()).every((count) => count === 0);
  return {
    asMeant: record?.status === status && record.endedBy === endedBy && caller.status === status,
    clean: caller.state === 'over' && record !== undefined && others.length === 0 && empty,
    ringsOn: callees.some(({ state }) => state === 'ringing'),
    datagrams: world.sent,
  };
}
