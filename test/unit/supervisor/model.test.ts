/** The supervisor against a system that does anything at any time: a seeded walk, the invariants after each step. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SupervisorEffect, SupervisorEvent } from '../../../src/supervisor/events.ts';
import type { ServiceName, ServiceRules, SupervisorRules } from '../../../src/supervisor/state.ts';
import { Supervisor } from '../../../src/supervisor/supervisor.ts';
import { RULES } from './world.ts';

const RUNS = 300;
const STEPS = 400;
const SERVICES = ['relay', 'ims'] as const;

/** mulberry32: small, seeded, good enough to wander. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Processes and open questions as a shell would have them; answers are drawn at random. */
class Chaos {
  readonly random: () => number;
  readonly supervisor: Supervisor;
  readonly live = new Map<ServiceName, { generation: number; exited: boolean }>();
  readonly questions: SupervisorEffect[] = [];
  now = 0;
  exits = 0;
  spawnsWhileStopping = 0;
  doubles = 0;
  adoptedSignalled = 0;
  killedAll = false;
  /** The control port is bound by this process. */
  holdsControl = false;
  /** Questions to a port that nobody but this process holds, or claims of it. */
  selfTalk = 0;
  /** Groups that were reported as impossible to kill. */
  stuck = 0;
  /** Ends that the rules, not an operator, have decided although they forbid it. */
  unwantedEnds = 0;

  constructor(seed: number) {
    this.random = generator(seed);
    this.supervisor = new Supervisor(this.random);
  }

  post(event: SupervisorEvent): void {
    const before = this.supervisor.state;
    for (const effect of this.supervisor.handle(this.now, event)) {
      this.#execute(effect, before.phase === 'stopping' || before.phase === 'done');
    }
  }

  #execute(effect: SupervisorEffect, stopping: boolean): void {
    switch (effect.kind) {
      case 'spawn':
        this.doubles += this.live.has(effect.service) ? 1 : 0;
        this.spawnsWhileStopping += stopping ? 1 : 0;
        this.live.set(effect.service, { generation: effect.generation, exited: false });
        break;
      case 'kill-everything':
        this.killedAll = true;
        this.live.clear();
        break;
      case 'request-stop':
      case 'term-rest':
      case 'kill-group':
        this.adoptedSignalled += this.supervisor.state[effect.service].condition.kind === 'adopted' ? 1 : 0;
        break;
      case 'exit': {
        const { stop, rules } = this.supervisor.state;
        this.exits += 1;
        this.unwantedEnds += rules.giveUp !== 'exit' && /^(relay|ims)-(failed|ended)$/.test(stop?.reason ?? '') ? 1 : 0;
        break;
      }
      case 'report':
        this.stuck += effect.event === 'stop.stuck' ? 1 : 0;
        break;
      case 'release-control':
        this.holdsControl = false;
        break;
      case 'probe-relay':
      case 'claim-control':
        this.selfTalk += this.holdsControl ? 1 : 0;
        this.questions.push(effect);
        break;
      case 'load-config':
      case 'roll-back':
      case 'check':
      case 'prove-media':
      case 'check-media':
      case 'sweep':
        this.questions.push(effect);
        break;
      default:
        break;
    }
  }

  step(): void {
    const dice = this.random();
    if (dice < 0.3) {
      this.#answer();
    } else if (dice < 0.6) {
      this.#processFact();
    } else if (dice < 0.62) {
      this.post({ kind: 'restart-asked', service: this.#pick(SERVICES) });
    } else if (dice < 0.6205) {
      this.post({ kind: 'late', lateMs: 20_000 * this.random() });
    } else if (dice < 0.621) {
      this.post({ kind: 'drain-asked', limitMs: 5000 * this.random() });
    } else if (dice < 0.63) {
      this.#reconfigure(false);
    } else if (dice < 0.64) {
      this.post({ kind: 'counted', service: 'relay', generation: this.#relayGeneration(), sessions: 0 });
    } else if (dice < 0.995) {
      this.now = Math.max(this.now, Math.min(this.supervisor.nextTimeoutAt(), this.now + 4000 * this.random()));
      this.post({ kind: 'timeout' });
    } else {
      const signal = this.#pick(['SIGTERM', 'SIGINT'] as const);
      this.post({ kind: 'signal', signal, reason: signal });
    }
  }

  #relayGeneration(): number {
    return this.supervisor.state.relay.generation;
  }

  #reconfigure(rollback: boolean): void {
    const restarts = SERVICES.filter(() => rollback || this.random() < 0.5).map((service) => ({
      service,
      whenIdle: !rollback && this.random() < 0.5,
    }));
    const idleLimitMs = 10_000 * this.random();
    this.post({ kind: 'reconfigured', rules: RULES, restarts, idleLimitMs, revocable: true, rollback });
  }

  /** Answers everything kindly and lets time pass, until the end. */
  finish(): void {
    this.post({ kind: 'signal', signal: 'SIGTERM', reason: 'end of the test' });
    for (let round = 0; round < 1000 && this.exits === 0; round++) {
      for (const [service, { generation, exited }] of [...this.live]) {
        if (!exited) {
          this.post({ kind: 'exited', service, generation, exitCode: 0, signal: undefined, daemonised: false });
        }
        this.live.delete(service);
        this.post({ kind: 'extinct', service, generation });
      }
      if (this.questions.splice(0).some((question) => question.kind === 'sweep')) {
        this.post({ kind: 'swept', found: 0 });
      }
      this.now = Math.max(this.now, Math.min(this.supervisor.nextTimeoutAt(), this.now + 1000));
      this.post({ kind: 'timeout' });
    }
  }

  #answer(): void {
    const [question] = this.questions.splice(Math.floor(this.random() * this.questions.length), 1);
    switch (question?.kind) {
      case 'load-config':
        this.post({ kind: 'configured', rules: this.#rules() });
        break;
      case 'probe-relay': {
        const kind = this.#pick(['absent', 'absent', 'absent', 'rtpp', 'silent'] as const);
        const verdict =
          kind === 'absent' ? { kind } : kind === 'rtpp' ? { kind, description: '' } : { kind, owner: 'somebody' };
        this.post({ kind: 'relay-probed', generation: question.generation, verdict });
        break;
      }
      case 'claim-control': {
        const outcome = this.#pick(['held', 'held', 'taken', 'unavailable'] as const);
        this.holdsControl ||= outcome === 'held';
        this.post({ kind: 'control-claimed', generation: question.generation, outcome, detail: 'somebody' });
        break;
      }
      case 'check': {
        const outcome = this.#pick(['answered', 'answered', 'refused', 'silent'] as const);
        const { service, generation } = question;
        this.post({ kind: 'checked', service, generation, outcome, finding: '' });
        break;
      }
      case 'prove-media':
        this.post({ kind: 'media-proved', generation: question.generation, ok: this.random() < 0.7, finding: '' });
        break;
      case 'check-media':
        this.post({
          kind: 'media-checked',
          generation: question.generation,
          verdict: this.#pick(['passed', 'failed', 'refused', 'unanswered'] as const),
          finding: '',
          delayMs: undefined,
          sessions: this.#pick([0, 0, 1, undefined]),
          relayedPackets: undefined,
          lagMs: this.#pick([0, 0, 0, 300]),
        });
        break;
      case 'roll-back':
        this.#reconfigure(true);
        break;
      case 'sweep':
        this.post({ kind: 'swept', found: this.random() < 0.3 ? 1 : 0 });
        break;
      default:
        break;
    }
  }

  /** Half of the lives by the defaults; the others by any rules that the options allow. */
  #rules(): SupervisorRules {
    const autoStart = this.random() < 0.8;
    const health = { ...RULES.health, mediaIntervalMs: 1000, mediaOfFound: this.random() < 0.5, restartsIms: true };
    if (this.random() < 0.5) {
      return { ...RULES, health, relay: { ...RULES.relay, autoStart } };
    }
    const service = (): Pick<ServiceRules, 'embedded' | 'restart' | 'successExitCodes'> => ({
      embedded: this.random() < 0.5,
      restart: this.#pick(['always', 'always', 'on-failure', 'never']),
      successExitCodes: this.#pick([[], [1], [78]]),
    });
    return {
      ...RULES,
      health,
      relay: { ...RULES.relay, ...service(), autoStart, required: this.random() < 0.2 },
      ims: { ...RULES.ims, ...service(), startTimeoutMs: this.#pick([1, 5000, Number.POSITIVE_INFINITY]) },
      giveUp: this.#pick(['exit', 'park', 'never']),
      strategy: this.#pick(['one_for_one', 'rest_for_one', 'one_for_all']),
      restarts: {
        ...RULES.restarts,
        delaysMs: this.#pick([RULES.restarts.delaysMs, [0], [500, 100]]),
        bootAttempts: this.#pick([1, 3]),
        budget: { restarts: this.#pick([0, 2, 10]), windowMs: 300_000 },
      },
    };
  }

  #processFact(): void {
    const service = this.#pick(SERVICES);
    const process = this.live.get(service);
    if (process === undefined) {
      return;
    }
    const { generation } = process;
    if (process.exited) {
      this.live.delete(service);
      this.post({ kind: 'extinct', service, generation });
      return;
    }
    const dice = this.random();
    if (dice < 0.3) {
      this.post({ kind: 'spawned', service, generation, pid: 1 });
    } else if (dice < 0.75) {
      this.post({ kind: 'reported-ready', service, generation });
    } else if (dice < 0.85) {
      this.post({ kind: 'heartbeat', service, generation });
    } else if (dice < 0.88) {
      this.live.delete(service);
      this.post({ kind: 'spawn-failed', service, generation, reason: 'out-of-resources', detail: 'EAGAIN' });
    } else {
      process.exited = true;
      const exitCode = this.#pick([0, 1, 1, 1, 78]);
      this.post({ kind: 'exited', service, generation, exitCode, signal: undefined, daemonised: false });
    }
  }

  #pick<T>(choices: readonly T[]): T {
    return choices[Math.floor(this.random() * choices.length)] as T;
  }
}

test(`${RUNS} random lives: one incarnation at a time, no spawn while stopping, no question to ourselves, no group forgotten, one exit`, () => {
  const phases = new Set<string>();
  const conditions = new Set<string>();
  for (let seed = 1; seed <= RUNS; seed++) {
    const chaos = new Chaos(seed);
    chaos.post({ kind: 'boot' });
    for (let step = 0; step < STEPS && chaos.exits === 0; step++) {
      chaos.step();
      phases.add(chaos.supervisor.state.phase);
      conditions.add(chaos.supervisor.state.ims.condition.kind);
      for (const name of SERVICES) {
        const component = chaos.supervisor.state[name];
        const live = chaos.live.get(name);
        assert.equal(live?.generation ?? component.generation, component.generation, `seed ${seed}: lost ${name}`);
        if (component.condition.kind === 'adopted') {
          assert.equal(component.incarnation, undefined, `seed ${seed}: an adopted relay has a process of ours`);
          assert.equal(chaos.holdsControl, false, `seed ${seed}: adopted on a port that we hold`);
        }
      }
    }
    chaos.finish();
    assert.deepEqual(
      {
        doubles: chaos.doubles,
        late: chaos.spawnsWhileStopping,
        adopted: chaos.adoptedSignalled,
        selfTalk: chaos.selfTalk,
        exits: chaos.exits,
        unwantedEnds: chaos.unwantedEnds,
      },
      { doubles: 0, late: 0, adopted: 0, selfTalk: 0, exits: 1, unwantedEnds: 0 },
      `seed ${seed}`,
    );
    assert.equal(chaos.supervisor.state.phase, 'done', `seed ${seed}`);
    assert.ok(chaos.killedAll || chaos.live.size <= chaos.stuck, `seed ${seed}: ${chaos.live.size} groups left`);
  }
  assert.deepEqual([...phases].sort(), [
    'config',
    'degraded',
    'done',
    'probe',
    'running',
    'stopping',
    'up-ims',
    'up-relay',
  ]);
  assert.ok(conditions.has('failed'), 'some lives have parked the IMS');
});

test('the restart counter shrinks only after a stable minute, or when what was given up is asked back', () => {
  for (let seed = 1; seed <= 100; seed++) {
    const chaos = new Chaos(seed);
    chaos.post({ kind: 'boot' });
    let before = chaos.supervisor.state;
    for (let step = 0; step < STEPS && chaos.exits === 0; step++) {
      chaos.step();
      const after = chaos.supervisor.state;
      for (const name of SERVICES) {
        const { condition } = before[name];
        const readyForMs = 'readySince' in condition ? chaos.now - condition.readySince : 0;
        if (after[name].history.failures < before[name].history.failures) {
          assert.ok(
            readyForMs >= 60_000 || condition.kind === 'failed',
            `seed ${seed}: ${name} forgot its failures after ${readyForMs} ms`,
          );
        }
      }
      before = after;
    }
  }
});
