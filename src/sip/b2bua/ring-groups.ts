import type { CallTarget } from './branch.ts';

/**
 * The order in which targets ring: those of equal q at once, the highest first (RFC 3261 16.6). A target without q is
 * as wanted as can be. Within a group the order stays.
 */
export function ringGroups(targets: readonly CallTarget[]): CallTarget[][] {
  const groups = new Map<number, CallTarget[]>();
  for (const target of targets) {
    const q = target.q ?? 1;
    const group = groups.get(q) ?? [];
    group.push(target);
    groups.set(q, group);
  }
  return [...groups].sort(([a], [b]) => b - a).map(([, group]) => group);
}
