import type { Log } from '../observe/log.ts';
import { type LatchSettings, latchPolicy } from '../relay/latching/index.ts';
import type { OwnControl } from '../relay/own-control.ts';
import type { MediaPlane, PlaneListener } from '../relay/plane.ts';
import { isLoopback, isWildcard } from '../wire/ip-address.ts';
import { KernelPlane, type Unusable } from './kernel/kernel-plane.ts';
import { NativePlane } from './native/native-plane.ts';
import { PortablePlane } from './portable/portable-plane.ts';

export const PLANE_CHOICES = ['auto', 'kernel', 'native', 'portable'] as const;

export type PlaneChoice = (typeof PLANE_CHOICES)[number];

export interface PlaneOptions {
  readonly latching: LatchSettings;
  readonly ownControl: OwnControl;
  readonly log: Log;
  /** TOS of every leg that no command gives another, 0–255; undefined: the system's. */
  readonly tos: number | undefined;
  /** Media threads give up every capability that they can do without; the process must not change its user then. */
  readonly dropsRights: boolean;
}

export interface ChosenPlane {
  /** Builds the plane, or hands over the one that was tried; to be called once. */
  open(listener: PlaneListener): MediaPlane;
  /** Why it is this one, for the log and for `status`. */
  readonly reason: string;
  /** Another one was asked for by name, and this one stands in. */
  readonly fallback: boolean;
}

/** The fastest plane that works here, or the one asked for if it does. Never fails: `portable` works everywhere. */
export async function choosePlane(choice: PlaneChoice, options: PlaneOptions): Promise<ChosenPlane> {
  if (choice === 'portable') {
    return { open: openPortable(options), reason: 'asked for', fallback: false };
  }
  const missing: string[] = [];
  const reason = (asked: boolean): string =>
    [asked ? 'asked for' : 'the fastest that works here', ...missing].join('; ');
  if (choice !== 'native') {
    const kernel = choice === 'auto' && isAnywhere(options) ? ANYWHERE : await KernelPlane.start(options);
    if (!('why' in kernel)) {
      return { open: (listener) => kernel.listen(listener), reason: reason(choice === 'kernel'), fallback: false };
    }
    const remedy = choice === 'kernel' && kernel.remedy !== undefined ? `: ${kernel.remedy}` : '';
    missing.push(`kernel: ${kernel.why}${remedy}`);
  }
  const native = await NativePlane.start(options);
  if (typeof native !== 'string') {
    const fallback = choice === 'kernel';
    return { open: (listener) => native.listen(listener), reason: reason(choice === 'native'), fallback };
  }
  missing.push(`native: ${native}`);
  return { open: openPortable(options), reason: reason(false), fallback: choice !== 'auto' };
}

/** Who names that plane may have commands that name an address. */
const ANYWHERE: Unusable = { why: 'media is bound to all addresses, not to one (-l)' };

function isAnywhere({ ownControl }: PlaneOptions): boolean {
  const { addresses } = ownControl.facts;
  return (
    addresses.some(({ address }) => isWildcard(address)) &&
    addresses.every(({ address }) => isLoopback(address) || isWildcard(address))
  );
}

function openPortable({ latching, ownControl }: PlaneOptions): (listener: PlaneListener) => MediaPlane {
  return (listener) => new PortablePlane({ listener, policy: latchPolicy(latching, ownControl.includes) });
}
