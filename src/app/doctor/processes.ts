import type { ProcessFacts } from '../../doctor/facts/holder.ts';
import type { PortOwner } from '../../io/port-owner.ts';
import { isStopped } from '../../io/process-details.ts';

export function processFacts(owner: PortOwner | undefined): ProcessFacts | undefined {
  return owner && { ...owner, stopped: isStopped(owner.pid) };
}
