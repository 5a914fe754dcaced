/** The same conversations with our relay and with rtpengine: rtpengine-conversations.ts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { peersPresent } from '../support/peers.ts';
import { RtpParty } from '../support/rtp-party.ts';
import { startRtpengine } from '../support/rtpengine.ts';
import { askRelay } from '../support/rtpp.ts';
import { openScope, type Scope } from '../support/scope.ts';
import { startRelay } from '../support/test-relay.ts';
import { CONVERSATIONS, type Conversation } from './rtpengine-conversations.ts';

const PACKETS = 10;

/** Says every step to one relay; what a client makes of its replies. */
async function converseWith(
  scope: Scope,
  control: number,
  { title, steps }: Conversation,
  index: number,
): Promise<string[]> {
  const caller = await RtpParty.open(scope, 'caller');
  const callee = await RtpParty.open(scope, 'callee');
  /** The relay's ports in the order in which they were granted. */
  const granted: number[] = [];
  const answers: string[] = [];
  for (const { command, answer, rtpengine, afterTalk = false } of steps) {
    if (afterTalk) {
      // The offer's grant is where the callee sends to, and the answer's where the caller does.
      const [forCallee = 0, forCaller = 0] = granted;
      await Promise.all([
        caller.talk({ address: '127.0.0.1', port: forCaller }, PACKETS),
        callee.talk({ address: '127.0.0.1', port: forCallee }, PACKETS),
      ]);
      await caller.waitUntilHeard(callee, PACKETS);
      await callee.waitUntilHeard(caller, PACKETS);
    }
    const line = command
      .replace('@call@', `call-${index}`)
      .replace('@caller@', String(caller.port))
      .replace('@callee@', String(callee.port));
    const ask = async (): Promise<string> => meaningOf(line, await askRelay(control, line, 10_000), granted);
    const first = await ask();
    // A packet that has arrived may be counted a moment later, so a count that is not there yet is asked for again.
    const isKnown = first === answer || first === rtpengine?.answer;
    answers.push(afterTalk && !isKnown ? await ask() : first);
  }
  assert.equal(answers.length, steps.length, title);
  return answers;
}

/** A reply as clients read it: Kamailio's and OpenSIPS' modules take a port from the first word and an address from the next. */
function meaningOf(line: string, reply: string, granted: number[]): string {
  if (/^E\d+$/.test(reply)) {
    return 'refused';
  }
  const words = reply.split(' ');
  if (/^q/i.test(line)) {
    const [ttlSeconds, ...counts] = words.map(Number);
    return `${ttlSeconds !== undefined && ttlSeconds > 0 ? 'alive' : 'dead'}, counted ${counts.join(' ')}`;
  }
  if (!/^[ul]/i.test(line)) {
    return reply;
  }
  const [port = 0, address] = [Number(words[0]), words[1]];
  if (port === 0) {
    return 'no port';
  }
  if (line.includes(` ${address} ${port} `)) {
    return 'what was offered';
  }
  if (!granted.includes(port)) {
    granted.push(port);
  }
  return `port ${granted.indexOf(port) + 1} at ${address}`;
}

test('the same U, L, D and Q to our relay and to rtpengine: equivalent answers, and each difference explained', async (t) => {
  if (!peersPresent(t, 'rtpengine')) return;
  const scope = openScope(t);
  // Pairs enough that none is handed out twice.
  const [relay, rtpengine] = [await startRelay(scope, 100), await startRtpengine(scope)];
  for (const [index, conversation] of CONVERSATIONS.entries()) {
    await t.test(conversation.title, async () => {
      const { steps } = conversation;
      const [ours, theirs] = await Promise.all([
        converseWith(scope, relay.control, conversation, index),
        converseWith(scope, rtpengine.control, conversation, index),
      ]);
      const said = (answers: readonly string[]) => steps.map(({ command }, at) => `${command} -> ${answers[at]}`);
      assert.deepEqual(said(ours), said(steps.map(({ answer }) => answer)));
      assert.deepEqual(said(theirs), said(steps.map((step) => step.rtpengine?.answer ?? step.answer)));
    });
  }
  const steps = CONVERSATIONS.flatMap((conversation) => conversation.steps);
  const different = steps.filter((step) => step.rtpengine !== undefined);
  assert.ok(
    different.every((step) => step.rtpengine?.answer !== step.answer),
    'a difference that is none',
  );
  t.diagnostic(
    `${steps.length} commands in ${CONVERSATIONS.length} conversations, ${different.length} explained differences`,
  );
});
