/** Attended transfer over the running server (RFC 5589 7.3): REFER, the INVITE with Replaces, and who is told to hang up. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SipMessage, SipRequest, SipResponse } from '../../src/sip/message/message.ts';
import { openScope } from '../support/scope.ts';
import { SipPeer } from '../support/sip-peer.ts';
import { startSystem } from '../support/system.ts';
import { waitFor } from '../support/wait.ts';

interface Answered {
  /** Dialog headers of the caller's further requests. */
  readonly dialog: string;
  readonly toTag: string;
  /** What the callee got. */
  readonly invite: SipRequest;
}

/** `name` is Call-ID and From tag; `extra`, if any, a line of the INVITE. */
async function call(caller: SipPeer, callee: SipPeer, user: string, name: string, extra = ''): Promise<Answered> {
  const from = `From: <sip:trunk@127.0.0.1>;tag=${name}\nCall-ID: ${name}`;
  const uri = `sip:${user}@127.0.0.1`;
  caller.send(`INVITE ${uri} SIP/2.0\n${from}\nTo: <${uri}>\nCSeq: 1 INVITE${extra}`, caller.sdp);
  const invite = await newInvite(callee);
  callee.answer(invite, 200, callee.sdp);
  const to = (await answerOf(caller, name)).headers.get('To') ?? '';
  const dialog = `${from}\nTo: ${to}`;
  caller.send(`ACK ${uri} SIP/2.0\n${dialog}\nCSeq: 1 ACK`);
  await waitFor('the ACK', () => find(callee, (message) => isRequest(message, 'ACK') && sameCall(message, invite)));
  return { dialog, toTag: /tag=([^;]+)/.exec(to)?.[1] ?? '', invite };
}

/** A message may come twice on a busy machine: what is looked for is named by its Call-ID. */
function find(peer: SipPeer, wanted: (message: SipMessage) => boolean): SipMessage | undefined {
  return peer.received.find(wanted);
}

function isRequest(message: SipMessage, method: string): message is SipRequest {
  return message.kind === 'request' && message.method === method;
}

function sameCall(one: SipMessage, other: SipMessage): boolean {
  return one.headers.get('Call-ID') === other.headers.get('Call-ID');
}

/** The first INVITE of a call that this peer has not acknowledged. */
async function newInvite(peer: SipPeer): Promise<SipRequest> {
  const isAcknowledged = (invite: SipMessage): boolean =>
    find(peer, (message) => isRequest(message, 'ACK') && sameCall(message, invite)) !== undefined;
  return await waitFor('an INVITE', () => {
    const found = find(peer, (message) => isRequest(message, 'INVITE') && !isAcknowledged(message));
    return found?.kind === 'request' ? found : undefined;
  });
}

async function answerOf(peer: SipPeer, callId: string): Promise<SipResponse> {
  return await waitFor(`the 200 of ${callId}`, () => {
    const found = find(
      peer,
      (message) => message.kind === 'response' && message.status === 200 && message.headers.get('Call-ID') === callId,
    );
    return found?.kind === 'response' ? found : undefined;
  });
}

test('attended transfer: the target is told its own dialog in Replaces, and its BYE reaches the transferor', async (t) => {
  const scope = openScope(t);
  const system = await startSystem(scope, { config: { ims: { trustedPeers: ['127.0.0.1'] } } });
  const transferor = await SipPeer.open(scope, system.sipPort);
  const transferee = await SipPeer.open(scope, system.sipPort);
  const target = await SipPeer.open(scope, system.sipPort);
  await transferee.register('1002');
  await target.register('1003');

  const first = await call(transferor, transferee, '1002', 'first-call');
  const consultation = await call(transferor, target, '1003', 'consultation');
  const replaces = `consultation;to-tag=${consultation.toTag};from-tag=consultation`;
  const referTo = `<sip:1003@127.0.0.1:${system.sipPort}?Replaces=${encodeURIComponent(replaces)}>`;
  transferor.send(`REFER sip:1002@127.0.0.1 SIP/2.0\n${first.dialog}\nCSeq: 2 REFER\nRefer-To: ${referTo}`);
  const refer = await transferee.request('REFER');
  assert.equal(refer.headers.get('Refer-To'), referTo);
  transferee.answer(refer, 202);
  await transferor.response(202);

  // The transferee does what Refer-To says.
  const transferred = await call(transferee, target, '1003', 'transferred', `\nReplaces: ${replaces}`);
  const { headers } = consultation.invite;
  const ourTag = /tag=([^;]+)/.exec(headers.get('From') ?? '')?.[1];
  const callId = headers.get('Call-ID');
  assert.equal(transferred.invite.headers.get('Replaces'), `${callId};to-tag=callee;from-tag=${ourTag}`);

  const replaced = `From: ${headers.get('To')};tag=callee\nTo: ${headers.get('From')}\nCall-ID: ${callId}`;
  target.send(`BYE sip:trunk@127.0.0.1 SIP/2.0\n${replaced}\nCSeq: 1 BYE`);
  const bye = await transferor.request('BYE');
  assert.equal(bye.headers.get('Call-ID'), 'consultation');
  transferor.answer(bye, 200);

  transferee.send(`BYE sip:1003@127.0.0.1 SIP/2.0\n${transferred.dialog}\nCSeq: 2 BYE`);
  target.answer(await target.request('BYE'), 200);
  transferor.send(`BYE sip:1002@127.0.0.1 SIP/2.0\n${first.dialog}\nCSeq: 3 BYE`);
  transferee.answer(await transferee.request('BYE'), 200);
  await system.expectNoSessions();
  await system.stop();
});
