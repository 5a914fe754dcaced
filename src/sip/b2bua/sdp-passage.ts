import { findSdp } from '../../sdp/body.ts';
import { parseSdp } from '../../sdp/parse.ts';
import { relocateMedia } from '../../sdp/relocate.ts';
import { isHeld, type SessionDescription } from '../../sdp/session-description.ts';
import { err, ok, type Result } from '../../wire/result.ts';
import type { SipMessage } from '../message/message.ts';
import type { RelayOutcome, Side } from './media-relay.ts';
import type { MediaSession } from './media-session.ts';
import { relayStreams } from './media-target.ts';

/** Why a body cannot cross: the status for the one who sent it, and a sentence for Warning. */
export interface Refusal {
  readonly status: 400 | 415 | 488 | 503;
  readonly reason: string;
  /** Warning code (RFC 3261 20.43); 399 when it is undefined. */
  readonly warnCode?: number;
}

export interface Passage {
  readonly media: MediaSession;
  readonly message: SipMessage;
  /** Who wrote the message. */
  readonly writer: Side;
  readonly role: 'offer' | 'answer';
  /** Address that the message came from. */
  readonly source: string;
  /** Address that the SDP names afterwards, unless the relay has another. */
  readonly mediaAddress: string;
}

/**
 * Takes a message's body across: SDP is moved to the relay, every other body stays as it is. Of several descriptions
 * the first one says which streams there are. `done` is called in the order in which the branch's messages came, at
 * once when nothing is waiting. False: too much waits.
 */
export function passBody(passage: Passage, done: (result: Result<Uint8Array, Refusal>) => void): boolean {
  const { media, message, writer, role, source, mediaAddress } = passage;
  const refusal = refuseUnreadable(message);
  if (refusal !== undefined) {
    return media.inOrder(() => done(err(refusal)));
  }
  const sdp = findSdp(message.headers.get('Content-Type'), message.body);
  if (sdp === undefined) {
    return media.inOrder(() => done(ok(message.body)));
  }
  const descriptions: SessionDescription[] = [];
  for (const text of sdp.texts) {
    const parsed = parseSdp(text);
    if (!parsed.ok) {
      const { code, offset, section } = parsed.error;
      const reason = `SDP not understood: ${code} at offset ${offset} (${section})`;
      return media.inOrder(() => done(err({ status: 488, reason })));
    }
    descriptions.push(parsed.value);
  }
  const [description] = descriptions;
  if (description === undefined) {
    return media.inOrder(() => done(ok(message.body)));
  }
  const streams = relayStreams(description.media, source);
  const held = streams.every(({ index }) => {
    const stream = description.media[index];
    return stream === undefined || isHeld(stream);
  });
  return media.publish({ writer, role, streams, held }, (outcome: RelayOutcome) => {
    switch (outcome.kind) {
      case 'done': {
        const ports: (number | undefined)[] = description.media.map(() => undefined);
        for (const [position, stream] of streams.entries()) {
          ports[stream.index] = outcome.ports[position];
        }
        const address = outcome.address ?? mediaAddress;
        done(ok(sdp.replace(descriptions.map((each) => relocateMedia(each, { address, ports })))));
        break;
      }
      case 'lost':
        done(err({ status: 503, reason: 'the media relay no longer knows this call' }));
        break;
      case 'failed':
        done(err(refusalOf(outcome)));
        break;
    }
  });
}

/** A body that hides its SDP from us would cross with the party's own addresses in it. */
export function refuseUnreadable({ kind, headers, body }: SipMessage): Refusal | undefined {
  if (body.length === 0) {
    return undefined;
  }
  if (headers.getAll('Content-Type').length > 1) {
    return { status: kind === 'request' ? 400 : 488, reason: 'more than one Content-Type' };
  }
  const encoding = headers.getAll('Content-Encoding').find((value) => value.trim().toLowerCase() !== 'identity');
  if (encoding !== undefined) {
    return { status: kind === 'request' ? 415 : 488, reason: 'no Content-Encoding but identity is understood' };
  }
  return undefined;
}

/** 301: the description names a kind of address that is not available (RFC 3261 20.43). */
function refusalOf(outcome: RelayOutcome & { kind: 'failed' }): Refusal {
  return outcome.lacksFamily === true
    ? { status: 488, reason: outcome.reason, warnCode: 301 }
    : { status: 503, reason: outcome.reason };
}
