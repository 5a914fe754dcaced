/** Commands to paste. Nothing that came from a network or from another program gets into one without quotes. */

import type { ProcessFacts } from './facts/holder.ts';
import type { Facts } from './facts.ts';

/** `ims-launch restart relay --config …` */
export function launch(facts: Pick<Facts, 'program' | 'configFlag'>, verb = ''): string {
  return `${facts.program}${verb === '' ? '' : ` ${verb}`}${facts.configFlag}`;
}

/**
 * What brings a relay: `ims-launch`, unless an IMS that somebody started by hand has the SIP port. That one wants a relay
 * alone.
 */
export function startRelay(facts: Facts): string {
  const { ims, launcher } = facts;
  const isByHand = launcher.kind !== 'running' && ims.owner !== undefined && ims.answer === 'answered';
  return isByHand ? relayAlone(facts) : launch(facts);
}

/** `ims-relay` with the addresses and ports of the configuration. `advertised`: another address than the one bound. */
export function relayAlone({ program, relay, network }: Facts, advertised?: string): string {
  const { address, range } = network;
  const bind = address.kind === 'known' ? address.bind : '0.0.0.0';
  const told = advertised ?? (address.kind === 'known' ? address.advertised : bind);
  const words = ['-F', '-l', bind, ...(told === bind ? [] : ['-A', told]), '-s', `udp:${relay.control}`];
  const call = program.replace(/ims-launch(?!.*ims-launch)/, 'ims-relay');
  return `${call} ${[...words, '-m', range.min, '-M', range.max].join(' ')} &`;
}

/** `word`, or `'two words'`. */
export function quote(word: string): string {
  return /^[A-Za-z0-9_./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** Ends a process; of one that is hidden, tells who it is. */
export function end(owner: ProcessFacts | undefined, protocol: 'udp' | 'tcp', port: number): string {
  return owner === undefined ? `sudo ss -l${protocol[0]}np 'sport = :${port}'` : `kill ${owner.pid}`;
}
