/**
 * What SIPp's two sides say to each other during a call, in both directions, with the caller over UDP and over TCP. Who has SDP under way
 * does not hang up on it: the other side says by INFO that it has arrived.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { peersPresent } from '../support/peers.ts';
import { freeUdpPort } from '../support/ports.ts';
import { openScope, type Scope } from '../support/scope.ts';
import { headerOf, type LoggedMessage, mediaOf } from '../support/sip-log.ts';
import { registerWithSipp, Sipp } from '../support/sipp.ts';
import { audio, type Payload, SippScript } from '../support/sipp-script.ts';
import { type System, startSystem } from '../support/system.ts';

type Transport = 'udp' | 'tcp';

interface World {
  readonly scope: Scope;
  readonly system: System;
  readonly transport: Transport;
}

interface Heard {
  readonly caller: readonly LoggedMessage[];
  readonly callee: readonly LoggedMessage[];
}

/** Who has not been called yet: a phone that is gone stays registered. */
let nextUser = 2000;
const USERS = Object.fromEntries(
  [1001, ...Array.from({ length: 100 }, (_, index) => 2000 + index)].map((user) => [user, '1234']),
);

async function place({ scope, system, transport }: World, caller: SippScript, callee: SippScript) {
  const user = String(nextUser++);
  const localPort = await freeUdpPort();
  await registerWithSipp(scope, { localPort, remotePort: system.sipPort, service: user, password: '1234' });
  const called = await Sipp.start(scope, { scenario: 'callee', script: callee, localPort });
  const calling = await Sipp.start(scope, {
    scenario: 'caller',
    script: caller,
    localPort: await freeUdpPort(),
    remotePort: system.sipPort,
    service: user,
    caller: '1001',
    password: '1234',
    transport,
  });
  return { caller: calling, callee: called };
}

/** Both sides play their part to the end. Returns what each of them received. */
async function converse(world: World, caller: SippScript, callee: SippScript): Promise<Heard> {
  const sides = await place(world, caller, callee);
  await sides.caller.completes();
  await sides.callee.completes();
  return { caller: await received(sides.caller), callee: await received(sides.callee) };
}

async function received(sipp: Sipp): Promise<LoggedMessage[]> {
  return (await sipp.messages()).filter(({ direction }) => direction === 'received');
}

/** The `nth` (1: the first) that a side received with this beginning. */
function heard(messages: readonly LoggedMessage[], start: string, nth = 1): LoggedMessage {
  const found = messages.filter(({ startLine }) => startLine.startsWith(start))[nth - 1];
  assert.ok(found, `${start} number ${nth} among ${messages.map(({ startLine }) => startLine).join(', ')}`);
  return found;
}

function bodyOf({ text }: LoggedMessage): string {
  const at = text.indexOf('\n\n');
  return at < 0 ? '' : text.slice(at + 2).trim();
}

/** A caller whose call is up. */
function callerUp(invite?: Payload): SippScript {
  return SippScript.calls(invite).gets(200).acknowledges();
}

/** A callee whose call is up. */
function calleeUp(answer = audio()): SippScript {
  return SippScript.isCalled().responds(180).responds(200, answer).getsAck();
}

const KEY: Payload = { type: 'application/dtmf-relay', body: 'Signal=5\nDuration=160' };
const TRYING: Payload = {
  headers: ['Event: refer', 'Subscription-State: active;expires=60'],
  type: 'message/sipfrag',
  body: 'SIP/2.0 100 Trying',
};
const DONE: Payload = {
  headers: ['Event: refer', 'Subscription-State: terminated;reason=noresource'],
  type: 'message/sipfrag',
  body: 'SIP/2.0 200 OK',
};
const REFER: Payload = { headers: ['Refer-To: <sip:1003@127.0.0.1>', 'Referred-By: <sip:1001@127.0.0.1>'] };

const CASES: Readonly<Record<string, (world: World) => Promise<void>>> = {
  'INFO with a key, MESSAGE and OPTIONS, both ways: header and body arrive as they were sent': async (world) => {
    const text: Payload = { headers: ['X-Odd: Here'], type: 'text/plain', body: 'hello' };
    const { caller, callee } = await converse(
      world,
      callerUp().asks('INFO', KEY).asks('MESSAGE', text).asks('OPTIONS').answers('INFO').answers('MESSAGE').asks('BYE'),
      calleeUp()
        .answers('INFO')
        .answers('MESSAGE')
        .answers('OPTIONS')
        .asks('INFO', KEY)
        .asks('MESSAGE', text)
        .answers('BYE'),
    );
    for (const side of [caller, callee]) {
      const key = heard(side, 'INFO');
      assert.equal(headerOf(key, 'Content-Type'), 'application/dtmf-relay');
      assert.equal(bodyOf(key), 'Signal=5\nDuration=160');
      assert.equal(bodyOf(heard(side, 'MESSAGE')), 'hello');
      assert.equal(headerOf(heard(side, 'MESSAGE'), 'X-Odd'), 'Here');
      assert.equal(headerOf(heard(side, 'MESSAGE'), 'Contact'), undefined, 'RFC 3428 4');
    }
  },

  'UPDATE both ways, with SDP and without: the relay stays between them (RFC 3311)': async ({ system, ...world }) => {
    const { caller, callee } = await converse(
      { system, ...world },
      callerUp()
        .asks('UPDATE')
        .asks('UPDATE', audio('inactive'))
        .asks('INFO')
        .answers('UPDATE', audio())
        .answers('INFO')
        .asks('BYE'),
      calleeUp()
        .answers('UPDATE')
        .answers('UPDATE', audio('inactive'))
        .answers('INFO')
        .asks('UPDATE', audio())
        .asks('INFO')
        .answers('BYE'),
    );
    assert.equal(bodyOf(heard(callee, 'UPDATE')), '');
    assert.equal(mediaOf(heard(callee, 'UPDATE', 2))[0]?.direction, 'inactive');
    assert.equal(mediaOf(heard(caller, 'UPDATE'))[0]?.direction, 'sendrecv');
    const offered = mediaOf(heard(callee, 'INVITE'))[0]?.port ?? 0;
    assert.equal(mediaOf(heard(callee, 'UPDATE', 2))[0]?.port, offered);
    assert.ok(offered >= system.minPort && offered <= system.maxPort, `${offered}`);
  },

  're-INVITE both ways: held by one, taken up by the other (RFC 3264 8.4)': async (world) => {
    const { caller, callee } = await converse(
      world,
      callerUp().reinvites(audio('sendonly')).getsReinvite().responds(200, audio()).getsAck().asks('BYE'),
      calleeUp().getsReinvite().responds(200, audio('recvonly')).getsAck().reinvites(audio()).answers('BYE'),
    );
    assert.equal(mediaOf(heard(callee, 'INVITE', 2))[0]?.direction, 'sendonly');
    assert.equal(mediaOf(heard(caller, 'INVITE'))[0]?.direction, 'sendrecv');
    assert.equal(mediaOf(heard(callee, 'INVITE', 2))[0]?.port, mediaOf(heard(callee, 'INVITE'))[0]?.port);
  },

  'a delayed offer: the callee offers in its 200, the caller answers in its ACK (RFC 3264 5)': async (world) => {
    const { caller, callee } = await converse(
      world,
      SippScript.calls({}).gets(200).acknowledges(audio()).answers('INFO').asks('BYE'),
      calleeUp().asks('INFO').answers('BYE'),
    );
    assert.equal(bodyOf(heard(callee, 'INVITE')), '');
    const [offer] = mediaOf(heard(caller, 'SIP/2.0 200'));
    const [answer] = mediaOf(heard(callee, 'ACK'));
    assert.ok(offer !== undefined && answer !== undefined && offer.port !== answer.port);
    assert.ok([offer, answer].every(({ port }) => port >= world.system.minPort && port <= world.system.maxPort));
  },

  'PRACK of the caller: RAck names the INVITE by the number that each side knows (RFC 3262 7.2)': async (world) => {
    const reliable = { ...audio(), headers: ['Require: 100rel', 'RSeq: 17'] };
    const { caller, callee } = await converse(
      world,
      SippScript.calls({ ...audio(), headers: ['Supported: 100rel'] })
        .gets(183)
        .asks('PRACK', { headers: ['RAck: 17 2 INVITE'] })
        .gets(200)
        .acknowledges()
        .asks('BYE'),
      SippScript.isCalled().responds(183, reliable).answers('PRACK').responds(200, audio()).getsAck().answers('BYE'),
    );
    assert.equal(headerOf(heard(caller, 'SIP/2.0 183'), 'RSeq'), '17');
    assert.match(headerOf(heard(caller, 'SIP/2.0 183'), 'Require') ?? '', /100rel/);
    assert.equal(headerOf(heard(callee, 'PRACK'), 'RAck'), '17 1 INVITE');
  },

  'PRACK of the callee, for the INVITE with which it changes the call': async (world) => {
    const reliable = { headers: ['Require: 100rel', 'RSeq: 4'] };
    const { caller } = await converse(
      world,
      callerUp().getsReinvite().responds(183, reliable).answers('PRACK').responds(200, audio()).getsAck().asks('BYE'),
      calleeUp()
        .sends('INVITE', { ...audio(), headers: ['Supported: 100rel'] })
        .gets(183)
        .asks('PRACK', { headers: ['RAck: 4 1 INVITE'] })
        .gets(200)
        .acknowledges()
        .answers('BYE'),
    );
    const invite = headerOf(heard(caller, 'INVITE'), 'CSeq')?.split(' ')[0];
    assert.equal(headerOf(heard(caller, 'PRACK'), 'RAck'), `4 ${invite} INVITE`);
  },

  'REFER of the caller: the callee tells by NOTIFY how its new call goes (RFC 3515)': async (world) => {
    const { caller, callee } = await converse(
      world,
      callerUp().sends('REFER', REFER).gets(202).answers('NOTIFY').answers('NOTIFY').asks('BYE'),
      calleeUp().answers('REFER', {}, 202).asks('NOTIFY', TRYING).asks('NOTIFY', DONE).answers('BYE'),
    );
    assert.equal(headerOf(heard(callee, 'REFER'), 'Refer-To'), '<sip:1003@127.0.0.1>');
    assert.equal(headerOf(heard(callee, 'REFER'), 'Referred-By'), '<sip:1001@127.0.0.1>');
    assert.deepEqual(
      [1, 2].map((nth) => bodyOf(heard(caller, 'NOTIFY', nth))),
      ['SIP/2.0 100 Trying', 'SIP/2.0 200 OK'],
    );
  },

  'REFER of the callee': async (world) => {
    const { caller, callee } = await converse(
      world,
      callerUp().answers('REFER', {}, 202).asks('NOTIFY', DONE).answers('BYE'),
      calleeUp().sends('REFER', REFER).gets(202).answers('NOTIFY').asks('BYE'),
    );
    assert.equal(headerOf(heard(caller, 'REFER'), 'Refer-To'), '<sip:1003@127.0.0.1>');
    assert.match(headerOf(heard(callee, 'NOTIFY'), 'Subscription-State') ?? '', /^terminated;/);
  },

  'SUBSCRIBE and NOTIFY within the call, both ways (RFC 6665)': async (world) => {
    const wish: Payload = { headers: ['Event: conference', 'Expires: 60'] };
    const news: Payload = { headers: ['Event: conference', 'Subscription-State: active;expires=60'] };
    const { caller, callee } = await converse(
      world,
      callerUp().asks('SUBSCRIBE', wish).answers('NOTIFY').answers('SUBSCRIBE').asks('NOTIFY', news).asks('BYE'),
      calleeUp().answers('SUBSCRIBE').asks('NOTIFY', news).asks('SUBSCRIBE', wish).answers('NOTIFY').answers('BYE'),
    );
    for (const side of [caller, callee]) {
      assert.equal(headerOf(heard(side, 'SUBSCRIBE'), 'Event'), 'conference');
      assert.equal(headerOf(heard(side, 'NOTIFY'), 'Subscription-State'), 'active;expires=60');
    }
  },

  'who calls is what we have verified, unless the caller wants it kept (RFC 3325, RFC 3323)': async (world) => {
    const forged = ['P-Asserted-Identity: <sip:boss@example.com>', 'Remote-Party-ID: <sip:boss@example.com>'];
    const called = async (headers: readonly string[]): Promise<LoggedMessage> => {
      const invite = { ...audio(), headers };
      const { callee } = await converse(world, callerUp(invite).asks('BYE'), calleeUp().answers('BYE'));
      return heard(callee, 'INVITE');
    };
    const open = await called(forged);
    assert.equal(headerOf(open, 'P-Asserted-Identity'), '<sip:1001@127.0.0.1>');
    assert.equal(headerOf(open, 'Remote-Party-ID'), undefined);
    const secret = await called([...forged, 'Privacy: id']);
    assert.equal(headerOf(secret, 'P-Asserted-Identity'), undefined);
    assert.equal(secret.text.includes('boss'), false);
  },

  'a session timer: the caller’s wish is granted, the callee is asked as well (RFC 4028)': async (world) => {
    const { caller, callee } = await converse(
      world,
      callerUp({ ...audio(), headers: ['Supported: timer', 'Session-Expires: 600'] }).asks('BYE'),
      calleeUp({ ...audio(), headers: ['Session-Expires: 600;refresher=uac'] }).answers('BYE'),
    );
    assert.match(headerOf(heard(callee, 'INVITE'), 'Session-Expires') ?? '', /^[0-9]+;refresher=uac$/);
    const answer = heard(caller, 'SIP/2.0 200');
    assert.equal(headerOf(answer, 'Session-Expires'), '600;refresher=uac');
    assert.equal(headerOf(answer, 'Require'), 'timer');
  },
};

/** The only thing here that takes its time: it goes on beside the others. */
async function shortSessions(world: World): Promise<void> {
  const asks = (value: string): Payload => ({
    ...audio(),
    headers: ['Supported: timer', `Session-Expires: ${value}`],
  });
  const forgetful = async (): Promise<void> => {
    await converse(world, callerUp(asks('12;refresher=uac')).answers('BYE'), calleeUp().answers('BYE'));
    await world.system.launcher.waitForLine(/session-expired: the caller was to refresh it/);
  };
  const served = async (): Promise<void> => {
    const { caller } = await converse(
      world,
      callerUp(asks('10;refresher=uas'))
        .answers('UPDATE', { headers: ['Session-Expires: 10;refresher=uac'] })
        .asks('BYE'),
      calleeUp().answers('BYE'),
    );
    assert.equal(headerOf(heard(caller, 'UPDATE'), 'Session-Expires'), '10;refresher=uac');
  };
  await Promise.all([forgetful(), served()]);
  const { caller } = await place(world, SippScript.calls(asks('2')).gets(422).acknowledgesFailure(), calleeUp());
  assert.equal(headerOf(await caller.received(/^SIP\/2\.0 422/), 'Min-SE'), '4');
}

for (const transport of ['udp', 'tcp'] as const) {
  test(`a caller over ${transport}, a callee over udp`, { concurrency: 2 }, async (t) => {
    if (!peersPresent(t, 'sipp')) return;
    const scope = openScope(t);
    const system = await startSystem(scope, { config: { USERS, ims: { minSessionExpiresSeconds: 4 } } });
    const slow = t.test('session timers that are over soon: BYE to both; our UPDATE; 422 (RFC 4028)', () =>
      shortSessions({ scope, system, transport }),
    );
    for (const [name, play] of Object.entries(CASES)) {
      await t.test(name, () => play({ scope, system, transport }));
    }
    await t.test('outside of a call: OPTIONS is answered, SUBSCRIBE and PUBLISH get 489', async () => {
      const ask = async (script: SippScript): Promise<LoggedMessage> => {
        const localPort = await freeUdpPort();
        const options = { localPort, remotePort: system.sipPort, service: '2000', caller: '1001', transport };
        const sipp = await Sipp.start(scope, { scenario: 'asks', script, ...options });
        await sipp.completes();
        return heard(await received(sipp), 'SIP/2.0');
      };
      const options = await ask(SippScript.asks('OPTIONS', {}).gets(200));
      assert.match(headerOf(options, 'Allow') ?? '', /INVITE/);
      assert.match(headerOf(options, 'Supported') ?? '', /timer/);
      await ask(SippScript.asks('SUBSCRIBE', { headers: ['Event: presence'] }).gets(489));
      await ask(SippScript.asks('PUBLISH', { headers: ['Event: presence'] }).gets(489));
    });
    await slow;
    await system.expectNoSessions();
    await t.test('a stop while a call is up: BYE to both sides', async () => {
      const world = { scope, system, transport };
      const { caller, callee } = await place(world, callerUp().answers('BYE'), calleeUp().answers('BYE'));
      await callee.received(/^ACK/);
      await system.stop();
      await caller.completes();
      await callee.completes();
    });
  });
}
