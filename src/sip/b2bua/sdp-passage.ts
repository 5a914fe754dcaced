import { findSdp } from '../../sdp/body.ts';
import { parseSdp } from '../../sdp/parse.ts';
import { relocateMedia } from '../../sdp/relocate.ts';
import { isHeld } from '../../sdp/session-description.ts';
import { err, ok, type Result } from '../../wire/result.ts';
import type { SipMessage } from '../message/message.ts';
import type { RelayOutcome, Side } from './media-relay.ts';
import type { MediaSession } from './media-session.ts';
import { relayStreams } from './media-target.ts';

/** Why a body cannot cross: the status for the one who sent it, and a sentence for Warning. */
export interface Refusal {
  readonly status: 488 | 503;
  readonly reason: string;
}

export interface Passage {
  readonly media: MediaSession;
  readonly message: SipMessage;
  /** Who wrote the message. */
  readonly writer: Side;
  readonly role: 'offer' | 'answer';
  /** Address that the message came from. */
  readonly source: string;
  /** Address that the SDP names afterwards. */
  readonly mediaAddress: string;
}

/**
 * Takes a message's body across: SDP is moved to the relay, every other body stays as it is. `done` is called in the
 * order in which the branch's messages came, at once when nothing is waiting. False: too much waits.
 */
export function passBody(passage: Passage, done: (result: Result<Uint8Array, Refusal>) => void): boolean {
  const { media, message, writer, role, source, mediaAddress } = passage;
  const sdp = findSdp(message.headers.get('Content-Type'), message.body);
  if (sdp === undefined) {
    return media.inOrder(() => done(ok(message.body)));
  }
  const parsed = parseSdp(sdp.text);
  if (!parsed.ok) {
    const { code, offset, section } = parsed.error;
    const reason = `SDP not understood: ${code} at offset ${offset} (${section})`;
    return media.inOrder(() => done(err({ status: 488, reason })));
  }
  const description = parsed.value;
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
        done(ok(sdp.replace(relocateMedia(description, { address: mediaAddress, ports }))));
        break;
      }
      case 'lost':
        done(err({ status: 503, reason: 'the media relay no longer knows this call' }));
        break;
      case 'failed':
        done(err({ status: 503, reason: outcome.reason }));
        break;
    }
  });
}
