import type { Settled } from './intake.ts';

/** Names one connection of one client, from the effect that opens it to the fact that it ended. */
export type ConnectionId = number;

/** What a client over connections wants done. The driver reports what comes in, and the end of each connection once. */
export type StreamClientEffect =
  /** Connect, and send these bytes in one write: a relay may take one read as the command. */
  | { readonly kind: 'connect'; readonly connection: ConnectionId; readonly bytes: Uint8Array }
  | { readonly kind: 'write'; readonly connection: ConnectionId; readonly bytes: Uint8Array }
  /** Nothing that comes through this connection is of interest any more. */
  | { readonly kind: 'disconnect'; readonly connection: ConnectionId }
  | Settled
  /** What came although nothing was asked: another protocol lives there. */
  | { readonly kind: 'stray'; readonly text: string };

/** How a connection ended: `refused`, nobody listens; `broken`, it failed otherwise; `ended`, the relay closed it. */
export type ConnectionEnd = 'refused' | 'broken' | 'ended';

/** More than any relay answers: `G` and `Q` end at 1024 bytes, and `I` is shorter. */
export const MAX_ANSWER_BYTES = 65_536;

/** Enough of a stranger's bytes to recognise it in a log. */
export const MAX_STRAY_CHARACTERS = 120;
