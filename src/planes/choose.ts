import type { MediaPlane } from '../relay/plane.ts';
import { PortablePlane, type PortablePlaneOptions } from './portable/portable-plane.ts';

export const PLANE_CHOICES = ['auto', 'kernel', 'native', 'portable'] as const;

export type PlaneChoice = (typeof PLANE_CHOICES)[number];

export interface ChosenPlane {
  readonly plane: MediaPlane;
  /** Why it is this one, for the log and for `status`. */
  readonly reason: string;
  /** Another one was asked for by name, and this one stands in. */
  readonly fallback: boolean;
}

/** The fastest plane that works here, or the one asked for if it does. Never fails: `portable` works everywhere. */
export function choosePlane(choice: PlaneChoice, options: PortablePlaneOptions): ChosenPlane {
  const plane = new PortablePlane(options);
  switch (choice) {
    case 'portable':
      return { plane, reason: 'asked for', fallback: false };
    case 'auto':
      return { plane, reason: 'the only plane of this version', fallback: false };
    default:
      return { plane, reason: `this version has no ${choice} plane`, fallback: true };
  }
}
