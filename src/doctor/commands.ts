/** Commands to paste. Nothing that came from a network or from another program gets into one without quotes. */

import type { ProcessFacts } from './facts/holder.ts';
import type { Facts } from './facts.ts';

/** `ims-launch restart relay --config …` */
export function launch(facts: Pick<Facts, 'program' | 'configFlag'>, verb = ''): string {
  return `${facts.program}${verb === '' ? '' : ` ${verb}`}${facts.configFlag}`;
}

/** `word`, or `'two words'`. */
export function quote(word: string): string {
  return /^[A-Za-z0-9_./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** Ends a process; of one that is hidden, tells who it is. */
export function end(owner: ProcessFacts | undefined, protocol: 'udp' | 'tcp', port: number): string {
  return owner === undefined ? `sudo ss -l${protocol[0]}np 'sport = :${port}'` : `kill ${owner.pid}`;
}
