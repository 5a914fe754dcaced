import type { BranchFailure } from './branch.ts';

/**
 * Which of two failures of a forked INVITE the caller is told (RFC 3261 16.7 step 6): a 6xx before all, then the
 * lowest class; within 4xx those that the caller can do something about; 408 and 503 say least and come last.
 */
export function isBetterFailure(candidate: number, known: number): boolean {
  return rank(candidate) < rank(known);
}

/** The way to the device is broken, which says nothing about the device (RFC 5626 5.3): 430, or no answer at all. */
export function isFlowFailure({ response, by }: Pick<BranchFailure, 'response' | 'by'>): boolean {
  const { status } = response;
  return status === 430 || (by === 'server' && (status === 408 || status === 503));
}

const ACTIONABLE = [401, 407, 415, 420, 484];

function rank(status: number): number {
  if (status >= 600) {
    return 0;
  }
  const base = Math.floor(status / 100) * 10;
  if (ACTIONABLE.includes(status)) {
    return base;
  }
  return status === 408 || status === 503 ? base + 2 : base + 1;
}
