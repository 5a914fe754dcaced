/**
 * How much signalling says for a source, 0 being the most. The source of the signalling, which many relays know as a
 * class of its own, has no field in the control protocol: proxies write it in the place of an address that they do not
 * believe, and then it is the signalled host.
 */
import { isLinkLocal, isLoopback, isPrivate, type TransportAddress } from '../../wire/ip-address.ts';
import type { Proof } from './candidates.ts';

export const EXACT = 0;
export const SAME_HOST = 1;
export const OTHER_HOST = 3;

export type Nearness = typeof EXACT | typeof SAME_HOST | typeof OTHER_HOST;

/** A packet of speech, ms, where nothing is known. */
const PTIME_MS = 20;

/** Consecutive packets of one SSRC, over at least this time. */
export const PROOFS: Readonly<Record<Nearness, Proof>> = {
  [EXACT]: { packets: 1, spanMs: 0 },
  /** A NAT changed the port, and an outsider cannot send from there and see the answer. */
  [SAME_HOST]: { packets: 3, spanMs: 1.5 * PTIME_MS },
  [OTHER_HOST]: { packets: 5, spanMs: 3 * PTIME_MS },
};

/** What a source has to show when a worse one is believed already: one packet more. */
export const BETTER_PROOFS: Readonly<Record<Nearness, Proof>> = {
  [EXACT]: { packets: 2, spanMs: 0 },
  [SAME_HOST]: { packets: 4, spanMs: 1.5 * PTIME_MS },
  [OTHER_HOST]: { packets: 6, spanMs: 3 * PTIME_MS },
};

export function nearnessOf(signalled: TransportAddress | undefined, address: string, port: number): Nearness {
  if (signalled?.address !== address) {
    return OTHER_HOST;
  }
  return signalled.port === port ? EXACT : SAME_HOST;
}

/** Whether packets to this address cannot arrive, so that the party must be somewhere else: it is behind a NAT. */
export function isUnroutable(address: string, hearsLoopback: boolean): boolean {
  return isPrivate(address) || (isLoopback(address) && !hearsLoopback);
}

/** Sources that no packet from another host can have: only for who is named by signalling, or bound there. */
export function isThisHostOnly(address: string, hearsLoopback: boolean): boolean {
  return (isLoopback(address) && !hearsLoopback) || isLinkLocal(address);
}
