/** What can happen to a system, and how often, compared with the others, it does. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from './random.ts';
import type { SystemUnderTest } from './system.ts';

export interface EnduranceEvent {
  readonly name: string;
  readonly weight: number;
  happen(system: SystemUnderTest, random: Random): Promise<unknown>;
}

export type EventName = EnduranceEvent['name'];

/** Longest freeze of a process, milliseconds: shorter than what its health check takes for a death. */
const MAX_FREEZE_MS = 800;

const SERVICES = ['relay', 'ims'] as const;

const EVENTS: readonly EnduranceEvent[] = [
  { name: 'kill relay', weight: 6, happen: async (system) => system.signal('relay', 'SIGKILL') },
  { name: 'kill ims', weight: 6, happen: async (system) => system.signal('ims', 'SIGKILL') },
  {
    name: 'kill both',
    weight: 2,
    happen: async (system) => {
      system.signal('relay', 'SIGKILL');
      system.signal('ims', 'SIGKILL');
    },
  },
  {
    name: 'terminate one',
    weight: 2,
    happen: async (system, random) => system.signal(random.pick(SERVICES), 'SIGTERM'),
  },
  { name: 'kill guardian', weight: 2, happen: async (system) => system.signal('guardian', 'SIGKILL') },
  {
    name: 'restart',
    weight: 5,
    happen: async (system, random) => system.ask({ verb: 'restart', service: random.pick(SERVICES) }),
  },
  {
    name: 'restart many times at once',
    weight: 1,
    happen: async (system, random) => {
      const service = random.pick(SERVICES);
      await Promise.all(Array.from({ length: 10 }, () => system.ask({ verb: 'restart', service })));
    },
  },
  { name: 'reload', weight: 3, happen: async (system) => system.ask({ verb: 'reload' }) },
  { name: 'HUP', weight: 2, happen: async (system) => system.signal('launcher', 'SIGHUP') },
  { name: 'configuration', weight: 5, happen: async (system) => system.writeConfiguration() },
  { name: 'invalid configuration', weight: 3, happen: async (system) => system.writeInvalidConfiguration() },
  {
    name: 'freeze',
    weight: 4,
    happen: async (system, random) => {
      await freeze(system, random.pick(['relay', 'ims', 'launcher', 'guardian']), random.below(MAX_FREEZE_MS));
    },
  },
  {
    name: 'questions',
    weight: 4,
    happen: async (system) => {
      await Promise.all([
        system.ask({ verb: 'status' }),
        system.ask({ verb: 'health' }),
        system.ask({ verb: 'events', follow: false }),
        system.ask({ verb: 'logs', follow: false, service: undefined }),
      ]);
    },
  },
  {
    name: 'garbage on the control socket',
    weight: 3,
    happen: async (system, random) => system.sendGarbage(random.below(200_000)),
  },
  { name: 'SIGUSR1', weight: 1, happen: async (system) => system.signal('launcher', 'SIGUSR1') },
  { name: 'SIGUSR2', weight: 1, happen: async (system) => system.signal('launcher', 'SIGUSR2') },
];

const RESTARTS: readonly EnduranceEvent[] = [
  { name: 'stop and start', weight: 2, happen: (system) => system.startAgain('stop') },
  { name: 'SIGTERM and start', weight: 2, happen: (system) => system.startAgain('SIGTERM') },
  { name: 'kill -9 of the launcher and start', weight: 1, happen: (system) => system.startAgain('SIGKILL') },
];

export function drawEvent(random: Random): EnduranceEvent {
  return draw(EVENTS, random);
}

/** The end of the launcher, and another one. */
export function drawRestart(random: Random): EnduranceEvent {
  return draw(RESTARTS, random);
}

function draw(events: readonly EnduranceEvent[], random: Random): EnduranceEvent {
  let left = random.next() * events.reduce((sum, { weight }) => sum + weight, 0);
  for (const event of events) {
    left -= event.weight;
    if (left < 0) {
      return event;
    }
  }
  throw new Error('no event');
}

async function freeze(system: SystemUnderTest, who: Parameters<SystemUnderTest['signal']>[0], forMs: number) {
  const pid = system.signal(who, 'SIGSTOP');
  await sleep(forMs);
  system.continue(pid);
}
