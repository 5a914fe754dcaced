/** From `kill -9` of the relay to the first RTP packet that crosses a session of its successor. */
import { setTimeout as sleep } from 'node:timers/promises';
import { createScope, type Scope } from '../../test/support/scope.ts';
import { untilForwarding } from './forwarding.ts';
import { type BenchTable, quantiles } from './report.ts';
import { pidOf, type StartSystem, type System, startImsLaunch, startSupervisord, untilReady } from './systems.ts';

/** Systems that run side by side, idle but for the one whose relay is killed; so often all are started. */
const SYSTEMS = 5;
const WAVES = 4;

/** A relay that was ready for less is not started again at once by ims-launch: 10 s, and a margin. */
const HEALTHY_MS = 11_000;

/** What the plain unit of a service says; systemd waits that long before it even starts the program. */
const RESTART_SEC_MS = 5000;

interface Times {
  /** After `HEALTHY_MS` of readiness. */
  readonly first: number[];
  /** The successor killed in its turn as soon as it had forwarded: what a crash loop meets. */
  readonly second: number[];
}

export async function benchRecovery(hasSupervisord: boolean): Promise<BenchTable[]> {
  const ours: Times = { first: [], second: [] };
  const theirs: Times = { first: [], second: [] };
  for (let wave = 0; wave < WAVES; wave++) {
    await measureWave(startImsLaunch, ours);
    if (hasSupervisord) {
      await measureWave(startSupervisord, theirs);
    }
  }
  const rows = (of: keyof Times) => [
    { what: 'ims-launch', figures: { ...quantiles(ours[of]) } },
    ...(hasSupervisord ? [{ what: 'supervisord', figures: { ...quantiles(theirs[of]) } }] : []),
  ];
  return [
    {
      title: `kill -9 of a relay that served for ${HEALTHY_MS / 1000} s, until RTP crosses a session of its successor`,
      unit: 'ms',
      rows: [
        ...rows('first'),
        {
          what: 'a unit with RestartSec=5',
          figures: { p50: RESTART_SEC_MS, max: RESTART_SEC_MS },
          note: 'not run: its wait alone',
        },
      ],
    },
    {
      title:
        'The successor killed as soon as it forwards: the wait that keeps a crash loop from spinning is part of it',
      unit: 'ms',
      rows: rows('second'),
    },
  ];
}

async function measureWave(start: StartSystem, times: Times): Promise<void> {
  const { scope, close } = createScope();
  try {
    const systems: System[] = [];
    for (let count = 0; count < SYSTEMS; count++) {
      systems.push(await readySystem(scope, start));
    }
    await sleep(HEALTHY_MS);
    for (const system of systems) {
      times.first.push(await recoveryTime(system));
      times.second.push(await recoveryTime(system));
    }
  } finally {
    await close();
  }
}

async function readySystem(scope: Scope, start: StartSystem): Promise<System> {
  const system = await start(scope);
  await untilReady(system);
  return system;
}

async function recoveryTime({ program, place }: System): Promise<number> {
  await untilForwarding(place.relayPort);
  const pid = pidOf(program, 'ims-relay.js');
  const killedAt = performance.now();
  process.kill(pid, 'SIGKILL');
  await untilForwarding(place.relayPort);
  return performance.now() - killedAt;
}
