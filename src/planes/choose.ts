import type { Log } from '../observe/log.ts';
import { type LatchSettings, latchPolicy } from '../relay/latching/index.ts';
import type { OwnControl } from '../relay/own-control.ts';
import type { MediaPlane, PlaneListener } from '../relay/plane.ts';
import { KernelPlane } from './kernel/kernel-plane.ts';
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
  let missing: string | undefined;
  if (choice === 'kernel') {
    const kernel = await KernelPlane.start(options);
    if (typeof kernel !== 'string') {
      return { open: (listener) => kernel.listen(listener), reason: 'asked for', fallback: false };
    }
    missing = `the kernel plane does not work here: ${kernel}`;
  }
  const native = await NativePlane.start(options);
  if (typeof native !== 'string') {
    const reason = missing ?? (choice === 'native' ? 'asked for' : 'the fastest that works here');
    return { open: (listener) => native.listen(listener), reason, fallback: missing !== undefined };
  }
  const reason = [...(missing === undefined ? [] : [missing]), `native does not work here: ${native}`].join('; ');
  return { open: openPortable(options), reason, fallback: choice !== 'auto' };
}

function openPortable({ latching, ownControl }: PlaneOptions): (listener: PlaneListener) => MediaPlane {
  return (listener) => new PortablePlane({ listener, policy: latchPolicy(latching, ownControl.includes) });
}
