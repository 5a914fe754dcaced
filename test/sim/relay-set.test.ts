/** A set of relays in virtual time, over thousands of random histories of calls, failures and changes of configuration. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { RtppOutcome } from '../../src/rtpp-client/outcome.ts';
import { type RelaySetEffect, RelaySetEngine } from '../../src/rtpp-client/relay-set.ts';
import { RELAY_SET_DEFAULTS } from '../../src/rtpp-client/relay-set-policy.ts';

const NAMES = ['a', 'b', 'c'] as const;
type Name = (typeof NAMES)[number];

/** What a relay does with a command: answers after a moment, is silent until the budget is over, is not there. */
type Health = 'well' | 'silent' | 'gone';

const ANSWER_MS = 5;
const BUDGET_MS = 1500;

interface Arrival {
  readonly at: number;
  readonly deliver: () => void;
}

/** The engine, three relays that do as they are told, and what must be true of them at any time. */
class World {
  now = 0;
  readonly health: Record<Name, Health> = { a: 'well', b: 'well', c: 'well' };
  readonly weights: Record<Name, number>;
  readonly engine = new RelaySetEngine(RELAY_SET_DEFAULTS);
  /** The relay of each call that has begun. */
  readonly calls = new Map<string, Name>();
  /** What the log says of each. */
  readonly reported: Partial<Record<string, 'enabled' | 'disabled'>> = {};
  readonly healthSince: Record<Name, number> = { a: 0, b: 0, c: 0 };
  #arrivals: Arrival[] = [];
  #started = 0;

  constructor(weights: Record<Name, number>) {
    this.weights = weights;
    this.configure(NAMES);
  }

  configure(names: readonly Name[]): void {
    for (const name of NAMES) {
      if (names.length === 1 || !names.includes(name)) {
        // One alone is not judged, and who has left begins anew.
        delete this.reported[name];
      }
    }
    this.#apply(
      this.engine.configure(
        this.now,
        names.map((name) => ({ name, weight: this.weights[name] })),
      ),
    );
  }

  setHealth(name: Name, health: Health): void {
    this.health[name] = health;
    this.healthSince[name] = this.now;
  }

  /** A call begins as the server does it: the next relay, when one fails. */
  startCall(): Name | undefined {
    const id = `call-${++this.#started}`;
    const tried = new Set<string>();
    for (;;) {
      const name = this.engine.place(this.now, id, tried) as Name | undefined;
      if (name === undefined) {
        break;
      }
      assert.ok(!tried.has(name), 'no relay is tried twice for one call');
      tried.add(name);
      if (this.health[name] === 'well') {
        this.command(name);
        this.calls.set(id, name);
        return name;
      }
      this.command(name);
    }
    assert.ok(
      [...tried].every((name) => this.health[name as Name] !== 'well'),
      'a call is lost only when no relay serves it',
    );
    this.#apply(this.engine.forget(id));
    return undefined;
  }

  endCall(index: number): void {
    const [id] = [...this.calls.keys()].slice(index % Math.max(1, this.calls.size));
    if (id !== undefined) {
      this.calls.delete(id);
      this.#apply(this.engine.forget(id));
    }
  }

  /** Sends one command to the relay; what becomes of it comes when it comes. */
  command(name: Name): void {
    const sentAt = this.now;
    this.#later(name, (outcome) => {
      this.#apply(this.engine.handleOutcome(this.now, name, sentAt, outcome));
    });
  }

  run(ms: number): void {
    const until = this.now + ms;
    for (let steps = 0; ; steps++) {
      assert.ok(steps < 100_000, 'time goes on');
      this.#arrivals.sort((left, right) => left.at - right.at);
      const next = Math.min(this.#arrivals[0]?.at ?? until, this.engine.nextTimeoutAt(), until);
      this.now = Math.max(this.now, next);
      const [first] = this.#arrivals;
      if (first !== undefined && first.at <= this.now) {
        this.#arrivals.shift();
        first.deliver();
      } else if (this.engine.nextTimeoutAt() <= this.now) {
        this.#apply(this.engine.handleTimeout(this.now));
      } else if (this.now >= until) {
        break;
      }
      this.#check();
    }
  }

  #check(): void {
    for (const [id, name] of this.calls) {
      assert.equal(this.engine.memberOf(id), name, 'a call stays with the relay that it began on');
    }
    assert.equal(this.engine.sessionCount, this.calls.size);
  }

  #later(name: Name, deliver: (outcome: RtppOutcome) => void): void {
    const health = this.health[name];
    const at = this.now + (health === 'well' ? ANSWER_MS : health === 'gone' ? 0 : BUDGET_MS);
    this.#arrivals.push({ at, deliver: () => deliver(outcomeOf(health)) });
  }

  #apply(effects: readonly RelaySetEffect[]): void {
    for (const effect of effects) {
      const name = effect.member as Name;
      switch (effect.kind) {
        case 'check':
          this.command(name);
          break;
        case 'probe':
          this.#later(name, (outcome) => {
            this.#apply(
              this.engine.handleVerdict(
                this.now,
                name,
                outcome.kind === 'reply'
                  ? { kind: 'rtpproxy', version: '20040107', ecode: undefined, capabilities: ['20050322'] }
                  : { kind: outcome.kind === 'refused' ? 'absent' : 'silent' },
              ),
            );
          });
          break;
        case 'enabled':
        case 'disabled':
          assert.notEqual(this.reported[name], effect.kind, 'what is known is not told again');
          this.reported[name] = effect.kind;
          break;
        case 'retired':
          assert.ok(![...this.calls.values()].includes(name), 'a relay retires after its last call');
          delete this.reported[name];
          break;
      }
    }
  }
}

function outcomeOf(health: Health): RtppOutcome {
  switch (health) {
    case 'well':
      return { kind: 'reply', reply: { kind: 'number', value: 35_000, address: undefined, family: 4, results: [] } };
    case 'silent':
      return { kind: 'timeout' };
    case 'gone':
      return { kind: 'refused' };
  }
}

/** The longest wait between two probes, the probe itself, and a check that had begun just before. */
const KNOWN_AFTER_MS = RELAY_SET_DEFAULTS.longestProbeMs + RELAY_SET_DEFAULTS.checkMs + 2 * BUDGET_MS;

const event = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('call' as const) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('end' as const), index: fc.nat(50) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('health' as const),
      name: fc.constantFrom(...NAMES),
      health: fc.constantFrom<Health>('well', 'silent', 'gone'),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(20_000) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('configure' as const), names: fc.subarray([...NAMES], { minLength: 1 }) }),
  },
);

test('whatever happens: calls keep their relay, none is lost while one works, and in the end all is known and forgotten', () => {
  fc.assert(
    fc.property(
      fc.record({ a: fc.nat(5), b: fc.nat(5), c: fc.nat(5) }),
      fc.array(event, { maxLength: 60 }),
      (weights, events) => {
        const world = new World(weights);
        let names: readonly Name[] = NAMES;
        for (const input of events) {
          switch (input.kind) {
            case 'call':
              world.startCall();
              break;
            case 'end':
              world.endCall(input.index);
              break;
            case 'health':
              world.setHealth(input.name, input.health);
              break;
            case 'wait':
              world.run(input.ms);
              break;
            case 'configure':
              names = input.names;
              world.configure(names);
              break;
          }
        }
        world.run(KNOWN_AFTER_MS);
        if (names.length > 1) {
          for (const name of names) {
            assert.equal(world.engine.isUp(name), world.health[name] === 'well', `${name} is ${world.health[name]}`);
          }
        }
        while (world.calls.size > 0) {
          world.endCall(0);
        }
        assert.equal(world.engine.sessionCount, 0);
      },
    ),
    { numRuns: 500 },
  );
});

test('a relay that dies between calls is found out within 6.5 s, and no caller waits for it after that', () => {
  const world = new World({ a: 1, b: 1, c: 1 });
  world.run(20_000);
  world.setHealth('a', 'silent');
  world.run(RELAY_SET_DEFAULTS.checkMs + BUDGET_MS);
  assert.equal(world.reported.a, 'disabled');
  const chosen = Array.from({ length: 30 }, () => world.startCall());
  assert.ok(!chosen.includes('a'));
  world.setHealth('a', 'well');
  world.run(10_000);
  assert.equal(world.reported.a, 'enabled', 'the first probes come soon');
  assert.ok(Array.from({ length: 3 }, () => world.startCall()).includes('a'));
});

test('of 4000 calls each relay has its share, also while one of them comes and goes', () => {
  const world = new World({ a: 1, b: 3, c: 0 });
  world.run(1000);
  const count = { a: 0, b: 0, c: 0 };
  for (let i = 0; i < 4000; i++) {
    const name = world.startCall();
    assert.ok(name);
    count[name] += 1;
    world.run(10);
  }
  assert.deepEqual(count, { a: 1000, b: 3000, c: 0 });
  world.setHealth('a', 'gone');
  world.run(10_000);
  world.setHealth('b', 'gone');
  world.run(10_000);
  assert.equal(world.startCall(), 'c', 'the spare');
});
