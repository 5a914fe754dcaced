import type { NotifyAddress } from '../rtpp/notify.ts';
import type { PairRequest, PeerOrder, SessionId, Side } from './plane.ts';
import type { PlayerId, PlayRequest } from './playing/prompt.ts';
import type { MediaEvent } from './quality/report.ts';
import type { TapId, TapRequest } from './recording/tap.ts';

/** Where a command came from; the edge's own object, which has the way back. */
export interface ControlOrigin {
  /** A datagram has a cookie and its reply is cached; a stream's commands are answered in order. */
  readonly kind: 'datagram' | 'stream';
  /** IP address of the sender; empty for local streams. */
  readonly host: string;
  /** Distinguishes senders, for example `127.0.0.1:40000`. */
  readonly source: string;
}

/** What the engine wants done. */
export type RelayEffect<Origin extends ControlOrigin = ControlOrigin> =
  /** `text` is the whole answer, cookie and final LF included. */
  | { readonly kind: 'reply'; readonly origin: Origin; readonly text: string }
  | MediaEffect
  | NotifyEffect
  | TellEffect
  /** Draining, and the last session has ended. */
  | { readonly kind: 'drained' };

/**
 * A session that had asked for it has timed out, or a party has pressed a key. `text` is the whole message, final LF
 * included, as latin1.
 */
export interface NotifyEffect {
  readonly kind: 'notify';
  readonly target: NotifyAddress;
  readonly text: string;
}

/** A turn in the media of a call, for whoever watches this relay. */
export interface TellEffect {
  readonly kind: 'media-event';
  readonly event: MediaEvent;
}

/** Orders to the plane. */
export type MediaEffect =
  /** Answered by `handleOpened`, once for each. */
  | { readonly kind: 'open'; readonly request: PairRequest }
  /** Answered by `handleOpened`, once for each; then the plane taps the legs. */
  | { readonly kind: 'open-tap'; readonly request: TapRequest }
  | { readonly kind: 'close-tap'; readonly tap: TapId; readonly session: SessionId; readonly side: Side }
  /** Answered by `handleOpened`, once for each; then it plays, and the party hears nothing else. */
  | { readonly kind: 'play'; readonly request: PlayRequest }
  | { readonly kind: 'stop-playing'; readonly player: PlayerId; readonly session: SessionId; readonly side: Side }
  | { readonly kind: 'peer'; readonly session: SessionId; readonly side: Side; readonly order: PeerOrder }
  | { readonly kind: 'packet-length'; readonly session: SessionId; readonly side: Side; readonly ms: number }
  | { readonly kind: 'tos'; readonly session: SessionId; readonly side: Side; readonly tos: number }
  /** `handleRtp` wants what the party of this leg sends; events of payload type `hidden` are not passed on. */
  | {
      readonly kind: 'detect-keys';
      readonly session: SessionId;
      readonly side: Side;
      readonly hidden: number | undefined;
    }
  /** What arrives on a leg of `source` is sent to the party of the same leg of `target`; `crossed`: of the other leg. */
  | { readonly kind: 'feed'; readonly source: SessionId; readonly target: SessionId; readonly crossed: boolean }
  /** No more copies; the parties of `target` do not hear each other nevertheless. */
  | { readonly kind: 'stop-feeding'; readonly source: SessionId; readonly target: SessionId }
  | { readonly kind: 'end'; readonly session: SessionId };
