/** Where identifiers come from: random at the edge (`io/random-ids.ts`), counted in tests. */
export interface IdSource {
  /** What follows the magic cookie in a branch: token characters, unique in space and time (RFC 3261 8.1.1.7). */
  branch(): string;
  /** A tag: a token with at least 32 bits of randomness (RFC 3261 19.3). */
  tag(): string;
  /** A Call-ID that no other agent makes (RFC 3261 8.1.1.4). */
  callId(): string;
}
