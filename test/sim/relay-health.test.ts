/** The supervisor, the RTPP client and a slow relay in virtual time: limits that no real machine keeps exactly. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatCommand } from '../../src/rtpp/request.ts';
import { type RtppClientEffect, RtppClientEngine } from '../../src/rtpp-client/client.ts';
import { RTPP_CLIENT_DEFAULTS } from '../../src/rtpp-client/policy.ts';
import type { SupervisorEffect } from '../../src/supervisor/events.ts';
import { World } from '../unit/supervisor/world.ts';

/** Every datagram is answered `delayMs` after it was sent; repeated ones as well. */
class SlowRelay {
  readonly world = new World().up();
  readonly #client = new RtppClientEngine('test.', RTPP_CLIENT_DEFAULTS);
  readonly #delayMs: number;
  #arrivals: { readonly at: number; readonly text: string }[] = [];

  constructor(delayMs: number) {
    this.#delayMs = delayMs;
  }

  run(ms: number): void {
    const { world } = this;
    const until = world.now + ms;
    while (world.now < until) {
      const next = Math.min(
        this.#client.nextTimeoutAt(),
        world.nextTimeoutAt(),
        ...this.#arrivals.map(({ at }) => at),
        until,
      );
      world.advance(Math.max(0, next - world.now));
      const due = this.#arrivals.filter(({ at }) => at <= world.now);
      this.#arrivals = this.#arrivals.filter(({ at }) => at > world.now);
      for (const { text } of due) {
        this.#apply(this.#client.handleDatagram(world.now, text));
      }
      this.#apply(this.#client.handleTimeout(world.now));
      for (const effect of world.effects.splice(0)) {
        this.#answer(effect);
      }
    }
  }

  #answer(effect: SupervisorEffect): void {
    if (effect.kind !== 'check') {
      return;
    }
    if (effect.service === 'ims') {
      this.world.tell({ kind: 'checked', service: 'ims', outcome: 'answered', finding: '' });
      return;
    }
    const { effects } = this.#client.request(this.world.now, formatCommand({ kind: 'version' }), {
      budgetMs: effect.limitMs,
    });
    this.#apply(effects);
  }

  #apply(effects: readonly RtppClientEffect[]): void {
    for (const effect of effects) {
      if (effect.kind === 'send') {
        const [cookie = ''] = Buffer.from(effect.datagram).toString().split(' ');
        this.#arrivals.push({ at: this.world.now + this.#delayMs, text: `${cookie} 20040107\n` });
      } else if (effect.kind === 'settled') {
        const outcome = effect.outcome.kind === 'reply' ? 'answered' : 'silent';
        this.world.tell({ kind: 'checked', service: 'relay', outcome, finding: '' });
      }
    }
  }
}

test('fault 72: a relay whose answers take 900 ms is healthy, 1100 ms are misses', () => {
  const slow = new SlowRelay(900);
  slow.run(60_000);
  assert.equal(slow.world.condition('relay'), 'ready');
  assert.equal(slow.world.reports.includes('comp.unhealthy'), false);

  const tooSlow = new SlowRelay(1100);
  tooSlow.run(60_000);
  assert.equal(tooSlow.world.condition('relay'), 'unhealthy', 'reported; it beats, so it is not restarted');
  assert.equal(tooSlow.world.reports.filter((event) => event === 'comp.unhealthy').length, 1);
});
