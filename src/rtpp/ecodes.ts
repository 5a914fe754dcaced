/**
 * What an `E<decimal>` reply means. The numbers have been stable since rtpproxy 2.0; 33 and 34 are never sent, and
 * the 1.x series used 0–10 with other meanings.
 */
export const ECODES = {
  0: { name: 'unknown-verb', meaning: 'the first letter names no command' },
  1: { name: 'argument-count', meaning: 'wrong number of arguments' },
  2: { name: 'modifiers-not-allowed', meaning: 'the command takes no modifiers' },
  3: { name: 'bad-subcommand', meaning: 'a subcommand is not allowed here, unknown or malformed' },
  5: { name: 'malformed', meaning: 'empty command or subcommand, too many words, or a NUL byte' },
  6: { name: 'excess-modifier', meaning: 'N: letters after a; R: modifier p' },
  7: { name: 'record-modifier', meaning: 'unknown modifier of N, R or C' },
  8: { name: 'delete-modifier', meaning: 'unknown modifier of D' },
  9: { name: 'statistics-modifier', meaning: 'unknown modifier of G' },
  10: { name: 'notify-tag', meaning: 'bad %XX in the notify tag' },
  11: { name: 'external-modifier', meaning: 'modifier E without bridging, or as the third direction letter' },
  12: { name: 'internal-modifier', meaning: 'modifier I without bridging, or as the third direction letter' },
  13: { name: 'repacketise-value', meaning: 'the value of Z is not in 1–999' },
  14: { name: 'codec-list', meaning: 'modifier C without a list, or given twice' },
  15: { name: 'local-address-syntax', meaning: 'modifier L: malformed address or label' },
  16: { name: 'remote-address-syntax', meaning: 'modifier R: malformed address' },
  17: { name: 'play-count', meaning: 'P: bad repeat count' },
  18: { name: 'info-modifier', meaning: 'unknown modifier of I' },
  19: { name: 'query-modifier', meaning: 'unknown modifier of Q' },
  25: { name: 'statistics-overflow', meaning: 'the reply of G does not fit' },
  26: { name: 'query-overflow', meaning: 'the reply of Q does not fit' },
  31: { name: 'local-address', meaning: 'modifier L: address not usable here, or unknown label' },
  32: { name: 'no-route', meaning: 'modifier R: no local address leads to that peer' },
  35: { name: 'stream-modifier', meaning: 'unknown modifier of U or L, or P without stored codecs' },
  36: { name: 'address-family', meaning: 'no local address of the wanted family' },
  37: { name: 'peer-address', meaning: 'the peer’s address or port does not parse' },
  50: { name: 'no-session', meaning: 'no such session' },
  60: { name: 'play-failed', meaning: 'the prompt could not be played' },
  62: { name: 'query-counter', meaning: 'Q: unknown counter' },
  65: { name: 'copy-failed', meaning: 'C: copying could not be started' },
  68: { name: 'statistics-counter', meaning: 'G: unknown counter' },
  71: { name: 'no-second-port', meaning: 'no port for the second or the new leg of a session' },
  72: { name: 'no-port', meaning: 'no port for a new session' },
  75: { name: 'notify-disabled', meaning: 'notification was asked for, and none is configured (-n)' },
  98: { name: 'overload', meaning: 'too many commands wait' },
  99: { name: 'draining', meaning: 'the relay is shutting down and takes no new sessions' },
} as const satisfies Record<number, { name: string; meaning: string }>;

/** A code that this relay sends. A foreign relay may send others: see `describeEcode`. */
export type Ecode = keyof typeof ECODES;

/** `E72`, as it goes on the wire. */
export function formatEcode(code: Ecode): string {
  return `E${code}`;
}

/** `E72: no port for a new session`, for people; an unknown number is shown as it is. */
export function describeEcode(code: number): string {
  const row: { readonly meaning: string } | undefined = ECODES[code as Ecode];
  return row === undefined ? `E${code}` : `E${code}: ${row.meaning}`;
}
