/** Messages, flows and identifiers for the tests of the SIP engines. */
import assert from 'node:assert/strict';
import { formatMessage } from '../../../src/sip/message/format.ts';
import type { SipMessage, SipRequest, SipResponse } from '../../../src/sip/message/message.ts';
import { parseMessage } from '../../../src/sip/message/parse.ts';
import type { SendEffect, TransactionEffect } from '../../../src/sip/transaction/effects.ts';
import type { Flow } from '../../../src/sip/transaction/flow.ts';
import type { IdSource } from '../../../src/sip/transaction/ids.ts';

/** Identifiers that count: `<prefix>b1`, `<prefix>t2`, … */
export function countedIds(prefix = ''): IdSource {
  let count = 0;
  const next = (letter: string) => `${prefix}${letter}${++count}`;
  return { branch: () => next('b'), tag: () => next('t'), callId: () => next('c') };
}

export const US = { address: '192.0.2.100', port: 5060 };
export const PEER = { address: '192.0.2.1', port: 5062 };

export function udpFlow(remote = PEER, local = US): Flow {
  return { transport: 'udp', local, remote, sentBy: local };
}

export function tcpFlow(remote = PEER, local = US): Flow {
  return { ...udpFlow(remote, local), transport: 'tcp' };
}

/** Text with LF line ends as bytes with CRLF, the header's end added when it is missing. */
export function wire(text: string): Uint8Array {
  const lines = text.replace(/^\n/, '').replace(/\r?\n/g, '\r\n');
  return new TextEncoder().encode(lines.includes('\r\n\r\n') ? lines : `${lines.replace(/(\r\n)*$/, '')}\r\n\r\n`);
}

export function parsed(text: string): SipMessage {
  const result = parseMessage(wire(text));
  assert.ok(result.ok, JSON.stringify(result));
  return result.value;
}

export interface RequestParts {
  readonly method?: string;
  readonly uri?: string;
  readonly via?: string;
  readonly branch?: string;
  readonly fromTag?: string;
  readonly toTag?: string;
  readonly callId?: string;
  readonly cseq?: number;
  readonly extra?: string;
}

/** A request as a peer sends it. */
export function incoming(parts: RequestParts = {}): SipRequest {
  const { method = 'INVITE', uri = 'sip:1002@192.0.2.100', branch = 'z9hG4bKpeer1', toTag, extra = '' } = parts;
  const message = parsed(`${method} ${uri} SIP/2.0
Via: ${parts.via ?? `SIP/2.0/UDP 192.0.2.1:5062;branch=${branch};rport`}
Max-Forwards: 70
From: <sip:1001@192.0.2.100>;tag=${parts.fromTag ?? 'from1'}
To: <sip:1002@192.0.2.100>${toTag === undefined ? '' : `;tag=${toTag}`}
Call-ID: ${parts.callId ?? 'call1@192.0.2.1'}
CSeq: ${parts.cseq ?? 1} ${method}
${extra}`);
  assert.equal(message.kind, 'request');
  return message as SipRequest;
}

/** A request as our user makes it: without a Via. */
export function outgoing(parts: RequestParts = {}): SipRequest {
  const request = incoming(parts);
  request.headers.remove('Via');
  return request;
}

/** What the wire carries, parsed back. */
export function reparsed(effect: SendEffect): SipMessage {
  const result = parseMessage(effect.bytes);
  assert.ok(result.ok, JSON.stringify(result));
  return result.value;
}

export function sends(effects: readonly TransactionEffect[]): SendEffect[] {
  return effects.filter((effect) => effect.kind === 'send');
}

/** One word an effect: `send INVITE`, `send 180`, `response 200`, `timeout`, … */
export function words(effects: readonly TransactionEffect[]): string[] {
  return effects.map((effect) => {
    switch (effect.kind) {
      case 'send':
        return `send ${nameOf(reparsed(effect))}`;
      case 'request':
      case 'ack':
      case 'cancel':
        return `${effect.kind} ${effect.request.method}`;
      case 'response':
        return `response ${effect.response.status}`;
      default:
        return effect.kind;
    }
  });
}

/** The request that a send effect carries. */
export function sentRequest(effects: readonly TransactionEffect[], index = 0): SipRequest {
  const effect = sends(effects)[index];
  assert.ok(effect !== undefined);
  const message = reparsed(effect);
  assert.equal(message.kind, 'request');
  return message as SipRequest;
}

/** A copy that shares nothing with the original, as if it had gone over the wire. */
export function overTheWire<T extends SipRequest | SipResponse>(message: T): T {
  const result = parseMessage(formatMessage(message));
  assert.ok(result.ok, JSON.stringify(result));
  return result.value as T;
}

interface Clocked {
  nextTimeoutAt(): number;
  handleTimeout(now: number): TransactionEffect[];
}

/** Lets virtual time pass until `until`, and lists what was done when: `500 send INVITE`. */
export function elapse(engine: Clocked, until: number): string[] {
  const log: string[] = [];
  for (let at = engine.nextTimeoutAt(); at <= until; at = engine.nextTimeoutAt()) {
    for (const word of words(engine.handleTimeout(at))) {
      log.push(`${at} ${word}`);
    }
  }
  return log;
}

function nameOf(message: SipMessage): string {
  return message.kind === 'request' ? message.method : String(message.status);
}
