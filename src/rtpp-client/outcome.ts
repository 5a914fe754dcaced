import { describeEcode } from '../rtpp/ecodes.ts';
import type { RtppReply } from '../rtpp/reply.ts';
import { assertNever } from '../wire/assert-never.ts';

/** Why a command got no reply. Data, not an exception: each caller has its own way to go on. */
export type RtppFailure =
  /** Nothing came within the budget. */
  | { readonly kind: 'timeout' }
  /** Nobody listens: ICMP port unreachable, ECONNREFUSED, no such socket file. */
  | { readonly kind: 'refused' }
  /** The connection could not be made for another reason, or ended before the answer. */
  | { readonly kind: 'disconnected' }
  /** The client was closed. */
  | { readonly kind: 'closed' }
  /** The command was never sent, or what came back under its cookie is not a reply. */
  | { readonly kind: 'rejected'; readonly reason: 'too-many-in-flight' | 'too-long' | 'malformed-reply' };

export type RtppOutcome = { readonly kind: 'reply'; readonly reply: RtppReply } | RtppFailure;

/** `E72: no port for a new session`, `no answer`…: an outcome other than the one hoped for, for people. */
export function describeOutcome(outcome: RtppOutcome): string {
  switch (outcome.kind) {
    case 'reply':
      return describeReply(outcome.reply);
    case 'timeout':
      return 'no answer';
    case 'refused':
      return 'connection refused';
    case 'disconnected':
      return 'the connection broke before the answer';
    case 'closed':
      return 'the client was closed';
    case 'rejected':
      return REJECTIONS[outcome.reason];
    default:
      return assertNever(outcome);
  }
}

const REJECTIONS = {
  'too-many-in-flight': 'too many commands wait for an answer',
  'too-long': 'the command is longer than a relay reads',
  'malformed-reply': 'the answer is not a reply of the protocol',
} as const;

function describeReply(reply: RtppReply): string {
  switch (reply.kind) {
    case 'error':
      return describeEcode(reply.code);
    case 'number':
      return `${reply.value}`;
    case 'text':
      return JSON.stringify(reply.text.slice(0, 80));
    default:
      return assertNever(reply);
  }
}
