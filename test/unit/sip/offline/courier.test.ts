/** Texts for users who are away: what is kept, in which order it goes, what becomes of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CallTarget } from '../../../../src/sip/b2bua/branch.ts';
import type { SipRequest } from '../../../../src/sip/message/message.ts';
import { Courier, type MailEvent } from '../../../../src/sip/offline/courier.ts';
import { Mailboxes } from '../../../../src/sip/offline/mailboxes.ts';
import { parsed, udpFlow } from '../support.ts';

const TARGET: CallTarget = { uri: 'sip:bob@192.0.2.7', flow: udpFlow({ address: '192.0.2.7', port: 5062 }) };

function text(body: string, extra = ''): SipRequest {
  const head = 'MESSAGE sip:bob@ims.example SIP/2.0\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\nFrom: <sip:a@x>;tag=1';
  const message = parsed(`${head}\nTo: <sip:bob@ims.example>\nCall-ID: c\nCSeq: 1 MESSAGE${extra}\n\n${body}`);
  assert.ok(message.kind === 'request');
  return message;
}

class Harness {
  readonly mailboxes: Mailboxes;
  readonly courier: Courier;
  readonly sent: { readonly body: string; readonly date: string | undefined; answer(status: number): void }[] = [];
  readonly events: MailEvent[] = [];
  targets: readonly CallTarget[] = [TARGET];
  #ids = 0;

  constructor(limits = { perUser: 3, keepMs: 3_600_000 }) {
    this.mailboxes = new Mailboxes(limits);
    this.courier = new Courier({
      b2bua: {
        sendRequest: (_now, request, _targets, done) => {
          const body = Buffer.from(request.body).toString();
          this.sent.push({ body, date: request.headers.get('Date'), answer: done });
          return [];
        },
      },
      mailboxes: this.mailboxes,
      targetsOf: () => this.targets,
      newId: () => `m${++this.#ids}`,
      date: () => 'Mon, 23 Nov 2026 12:00:00 GMT',
    });
  }

  keep(now: number, aor: string, request: SipRequest, tried: readonly CallTarget[] = [TARGET]): boolean {
    return this.courier.keep(now, aor, request, tried);
  }

  run(now: number): void {
    for (const effect of this.courier.run(now)) {
      if (effect.kind === 'mail') {
        this.events.push(effect.event);
      }
    }
  }

  /** The bodies that were sent so far. */
  get bodies(): string[] {
    return this.sent.map(({ body }) => body);
  }

  get kinds(): string[] {
    return this.events.map(({ kind }) => kind);
  }
}

test('messages wait for the receiver and go one after the other, in their order, with the time of each', () => {
  const harness = new Harness();
  for (const body of ['one', 'two', 'three']) {
    assert.equal(harness.keep(0, 'bob', text(body)), true);
  }
  harness.run(0);
  assert.deepEqual([harness.bodies, harness.kinds], [[], ['kept', 'kept', 'kept']]);
  harness.courier.handleRegistered('alice');
  harness.courier.handleRegistered('bob');
  harness.run(1);
  assert.deepEqual(harness.bodies, ['one']);
  assert.equal(harness.sent[0]?.date, 'Mon, 23 Nov 2026 12:00:00 GMT');
  // A second device, or a refreshed registration, sends nothing twice.
  harness.courier.handleRegistered('bob');
  harness.run(2);
  assert.deepEqual(harness.bodies, ['one']);
  for (const wanted of [
    ['one', 'two'],
    ['one', 'two', 'three'],
    ['one', 'two', 'three'],
  ]) {
    harness.sent.at(-1)?.answer(200);
    harness.run(3);
    assert.deepEqual(harness.bodies, wanted);
  }
  assert.deepEqual(harness.kinds.slice(3), ['delivered', 'delivered', 'delivered']);
  assert.deepEqual([...harness.mailboxes.all()], []);
});

test('what does not reach the phone waits on; what the phone refuses is gone, and the next one goes', () => {
  const harness = new Harness();
  harness.keep(0, 'bob', text('one'));
  harness.keep(0, 'bob', text('two'));
  for (const status of [408, 480, 503]) {
    harness.courier.handleRegistered('bob');
    harness.run(1);
    assert.equal(harness.bodies.at(-1), 'one');
    harness.sent.at(-1)?.answer(status);
    harness.run(1);
  }
  harness.courier.handleRegistered('bob');
  harness.run(2);
  harness.sent.at(-1)?.answer(415);
  harness.run(2);
  assert.equal(harness.bodies.at(-1), 'two');
  assert.deepEqual(harness.events.at(-1)?.kind, 'refused');
  assert.equal(harness.events.at(-1)?.status, 415);
});

test('a device that registers while a message goes to others gets it when they have failed', () => {
  const harness = new Harness();
  harness.keep(0, 'bob', text('one'), [TARGET]);
  harness.courier.handleRegistered('bob');
  harness.run(0);
  harness.courier.handleRegistered('bob');
  harness.run(1);
  assert.deepEqual(harness.bodies, ['one']);
  harness.sent[0]?.answer(408);
  harness.run(32_000);
  assert.deepEqual(harness.bodies, ['one', 'one']);
  // Nobody has registered since.
  harness.sent[1]?.answer(408);
  harness.run(64_000);
  assert.deepEqual(harness.bodies, ['one', 'one']);
  // Two came while a message of now was on its way to the device that was there first.
  const phone = { uri: 'sip:bob@192.0.2.8', flow: udpFlow({ address: '192.0.2.8', port: 5062 }) };
  harness.targets = [TARGET, phone];
  harness.keep(96_000, 'bob', text('two'), [TARGET]);
  harness.run(96_000);
  assert.deepEqual(harness.bodies, ['one', 'one', 'one']);
});

test('texts for who is no user any more are dropped, also one that is on its way', () => {
  const harness = new Harness();
  for (const [aor, body] of [
    ['bob', 'one'],
    ['bob', 'two'],
    ['alice', 'three'],
  ] as const) {
    harness.keep(0, aor, text(body), [TARGET]);
  }
  harness.courier.handleRegistered('bob');
  harness.run(0);
  harness.courier.retain((aor) => aor === 'alice');
  harness.sent[0]?.answer(200);
  harness.run(1);
  assert.deepEqual(harness.kinds.slice(3), ['orphaned', 'orphaned']);
  assert.deepEqual(
    [...harness.mailboxes.all()].map(({ aor }) => aor),
    ['alice'],
  );
});

test('without a device there is nowhere to send to', () => {
  const harness = new Harness();
  harness.keep(0, 'bob', text('one'));
  harness.targets = [];
  harness.courier.handleRegistered('bob');
  harness.run(0);
  assert.deepEqual(harness.bodies, []);
  harness.targets = [TARGET];
  harness.courier.handleRegistered('bob');
  harness.run(1);
  assert.deepEqual(harness.bodies, ['one']);
});

test('a mailbox is bounded, and what nobody fetches goes: by its own Expires, else by ours', () => {
  const harness = new Harness();
  assert.equal(harness.keep(0, 'bob', text('soon', '\nExpires: 10')), true);
  assert.equal(harness.keep(0, 'bob', text('late')), true);
  assert.equal(harness.keep(0, 'bob', text('later')), true);
  assert.equal(harness.keep(0, 'bob', text('too many')), false);
  assert.equal(harness.keep(0, 'alice', text('another box')), true);
  assert.equal(harness.keep(70_000, 'bob', text('room again')), true);
  harness.courier.handleRegistered('bob');
  harness.run(3_600_000);
  assert.deepEqual(harness.bodies, ['room again']);
  assert.equal(harness.kinds.filter((kind) => kind === 'expired').length, 4);
});

test('what says something about now only is not kept, nor what is too long for a text, nor anything when it is off', () => {
  const harness = new Harness();
  assert.equal(harness.keep(0, 'bob', text('', '\nContent-Type: application/im-iscomposing+xml')), false);
  assert.equal(harness.keep(0, 'bob', text('now', '\nExpires: 0')), false);
  assert.equal(harness.keep(0, 'bob', text('x'.repeat(8193))), false);
  assert.equal(new Harness({ perUser: 0, keepMs: 1000 }).keep(0, 'bob', text('one')), false);
  assert.deepEqual([...harness.mailboxes.all()], []);
});
