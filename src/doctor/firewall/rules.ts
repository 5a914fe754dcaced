/** A packet filter, whoever printed it, and what becomes of a datagram that comes from outside. */

export interface Packet {
  readonly port: number;
  /** It comes in by the loopback interface. */
  readonly loopback: boolean;
  readonly family: 4 | 6;
}

/** `maybe`: it depends on what is not known, such as the sender. */
export type Match = 'yes' | 'no' | 'maybe';

export type Action =
  | { readonly kind: 'accept' | 'drop' | 'return' | 'none' }
  | { readonly kind: 'jump' | 'goto'; readonly chain: string }
  /** Something that this reader does not know and that may decide. */
  | { readonly kind: 'unknown' };

export interface Rule {
  matches(packet: Packet): Match;
  readonly action: Action;
  /** For people: where it is found. */
  readonly text: string;
}

export interface Chain {
  readonly rules: readonly Rule[];
  /** Of a base chain. */
  readonly policy: 'accept' | 'drop' | undefined;
  readonly policyText: string;
}

export type Verdict = { readonly kind: 'accepted' | 'undecided' } | { readonly kind: 'dropped'; readonly text: string };

/** Chains call chains; a ruleset that is deeper than that is not followed. */
const MAX_DEPTH = 16;

/** What a base chain does. Undecided wherever a rule that may apply decides: only what is certain is said. */
export function judge(base: Chain, chains: ReadonlyMap<string, Chain>, packet: Packet): Verdict {
  const verdict = walk(base, chains, packet, 0);
  if (verdict !== undefined) {
    return verdict;
  }
  return base.policy === 'drop' ? { kind: 'dropped', text: base.policyText } : { kind: 'accepted' };
}

/** Undefined: the chain's end was reached, or a return. */
function walk(chain: Chain, chains: ReadonlyMap<string, Chain>, packet: Packet, depth: number): Verdict | undefined {
  for (const { matches, action, text } of chain.rules) {
    const match = matches(packet);
    if (match === 'no' || action.kind === 'none') {
      continue;
    }
    const verdict = follow(action, text, chains, packet, depth);
    if (match === 'yes') {
      if (verdict !== undefined) {
        return verdict;
      }
      if (action.kind === 'return' || action.kind === 'goto') {
        return undefined;
      }
    } else if (verdict?.kind !== 'dropped' && (verdict !== undefined || action.kind === 'return')) {
      // Some are let through here; of those that are dropped here the rest goes on.
      return { kind: 'undecided' };
    }
  }
  return undefined;
}

function follow(
  action: Action,
  text: string,
  chains: ReadonlyMap<string, Chain>,
  packet: Packet,
  depth: number,
): Verdict | undefined {
  switch (action.kind) {
    case 'accept':
      return { kind: 'accepted' };
    case 'drop':
      return { kind: 'dropped', text };
    case 'unknown':
      return { kind: 'undecided' };
    case 'jump':
    case 'goto': {
      const target = chains.get(action.chain);
      return target === undefined || depth >= MAX_DEPTH
        ? { kind: 'undecided' }
        : walk(target, chains, packet, depth + 1);
    }
    default:
      return undefined;
  }
}

/** `no` beats `maybe` beats `yes`. */
export function allOf(matches: readonly Match[]): Match {
  return matches.includes('no') ? 'no' : matches.includes('maybe') ? 'maybe' : 'yes';
}

export function when(isSo: boolean): Match {
  return isSo ? 'yes' : 'no';
}
