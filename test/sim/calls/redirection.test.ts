/** Phones that send their caller elsewhere: call forwarding by 302 (RFC 3261 16.7 step 4, 21.3.3). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Phone, type PhoneScript } from './phone.ts';
import { AFTERWARDS, type SceneOptions, scene } from './scene.ts';
import { SERVER } from './server-node.ts';

function ours(user: string): string {
  return `<sip:${user}@${SERVER.address}>`;
}

function sendsTo(...contacts: readonly string[]): PhoneScript {
  return { answerAfterMs: 1000, refuseWith: 302, refusalHeaders: contacts.map((contact) => ['Contact', contact]) };
}

/** 1002 is called, and sends on as told; the others are 1003, 1004, … */
function forwarded(by: PhoneScript, others: readonly PhoneScript[] = [], options: SceneOptions = {}) {
  const played = scene({ callees: [by], ...options });
  const phones = others.map((script, index) => {
    const phone = new Phone(played.world, `10.0.0.${31 + index}`, script);
    played.node.register(String(1003 + index), phone.at);
    return phone;
  });
  return { ...played, phones };
}

function invites({ requests }: Phone): number {
  return requests.filter(({ method }) => method === 'INVITE').length;
}

function run({ world, node, caller }: ReturnType<typeof forwarded>): void {
  caller.call('1002');
  world.run(AFTERWARDS);
  for (const [what, count] of Object.entries(node.leftovers())) {
    assert.equal(count, 0, `${what} left`);
  }
  assert.equal(node.ended.length, 1);
}

test('who is named in the 302 rings in its place; the caller hears nothing of it', () => {
  const played = forwarded(sendsTo(ours('1003')), [{ answerAfterMs: 2000, hangUpAfterMs: 5000 }]);
  run(played);
  assert.equal(played.caller.status, 200);
  assert.equal(played.callees[0]?.status, 302);
  assert.equal(
    played.caller.responses.some(({ status }) => status >= 300),
    false,
  );
  assert.equal(played.caller.endedBy, 'peer');
  assert.equal(played.node.ended[0]?.callee.address?.address, '10.0.0.31');
});

test('several ring together, and the first answer wins', () => {
  const contacts = [`${ours('1003')};q=0.5, ${ours('1004')}`, 'tel:1005'];
  const played = forwarded(sendsTo(...contacts), [{}, { answerAfterMs: 3000, hangUpAfterMs: 1000 }, {}]);
  run(played);
  assert.equal(played.caller.status, 200);
  assert.deepEqual(
    played.phones.map(({ status }) => status),
    [487, 200, 487],
  );
});

test('one after the other sends on: the chain is followed; in a circle each rings once, and the caller is told', () => {
  const chain = forwarded(sendsTo(ours('1003')), [sendsTo(ours('1004')), { answerAfterMs: 1000, hangUpAfterMs: 1000 }]);
  run(chain);
  assert.equal(chain.caller.status, 200);
  const circle = forwarded(sendsTo(ours('1003'), ours('1002')), [sendsTo(ours('1004')), sendsTo(ours('1002'))]);
  run(circle);
  assert.equal(circle.caller.status, 302);
  assert.deepEqual([...circle.callees, ...circle.phones].map(invites), [1, 1, 1]);
});

test('a response that names the whole town rings ten of it', () => {
  const others = Array.from({ length: 15 }, (): PhoneScript => ({ answerAfterMs: 1000, refuseWith: 486 }));
  const played = forwarded(sendsTo(...others.map((_, index) => ours(String(1003 + index)))), others);
  run(played);
  assert.equal(played.caller.status, 486);
  assert.equal(played.phones.map(invites).filter((count) => count === 1).length, 10);
});

test('other domains, nobody, what cannot be read: the caller is told where it was sent', () => {
  const mistakes = ['<sip:1003@elsewhere.example>', ours('1009'), '*', 'mailto:1003', '<sip:broken'];
  for (const contact of mistakes) {
    const played = forwarded(sendsTo(contact), [{}]);
    run(played);
    assert.equal(played.caller.status, 302, contact);
    assert.deepEqual(played.phones.map(invites), [0]);
  }
});

test('a gateway that calls in is not led out by a static route: it could not have called there itself', () => {
  const played = forwarded(sendsTo(ours('00491234')));
  const trunk = new Phone(played.world, '10.0.0.99', {});
  const flow = { transport: 'udp', local: SERVER, remote: trunk.at, sentBy: SERVER } as const;
  played.node.server.directory.setRoutes([{ prefix: '00', host: '10.0.0.99:5060', flow }]);
  run(played);
  assert.equal(played.caller.status, 302);
  assert.equal(invites(trunk), 0);
});

test('while it rings elsewhere the caller may give up', () => {
  const played = forwarded(sendsTo(ours('1003')), [{}], { caller: { cancelAfterMs: 5000 } });
  run(played);
  assert.equal(played.caller.status, 487);
  assert.equal(played.phones[0]?.status, 487);
});

test('a 380, and every 3xx with ims.followRedirects off, is passed on', () => {
  for (const [script, options] of [
    [{ ...sendsTo(ours('1003')), refuseWith: 380 }, {}],
    [sendsTo(ours('1003')), { followsRedirects: false }],
  ] as const) {
    const played = forwarded(script, [{}], options);
    run(played);
    assert.equal(played.caller.status, script.refuseWith);
    const refusal = played.caller.responses.find(({ status }) => status >= 300);
    assert.ok(refusal?.headers.getAll('Contact').includes(ours('1003')));
    assert.deepEqual(played.phones.map(invites), [0]);
  }
});
