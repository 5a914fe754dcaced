/** One thing that can be wrong: how it is recognised, and its row in the README. A file each in `ailments/`. */
import type { Facts } from './facts.ts';

export const AREAS = ['configuration', 'launcher', 'relay', 'media', 'ims', 'network', 'system'] as const;

export type Area = (typeof AREAS)[number];

/** `breaks`: calls fail or have no audio; `warns`: they may, some day or for some. */
export type Severity = 'breaks' | 'warns';

export interface Diagnosis {
  /** What was met, with the values that show it. */
  readonly evidence: string;
  /** A line for a shell. */
  readonly fix: string;
}

export interface Ailment {
  /** Stable; the file has the same name. */
  readonly code: string;
  readonly area: Area;
  readonly severity: Severity;
  /** What people notice, for the README. */
  readonly symptom: string;
  /** Why, and what helps, for the README. */
  readonly cause: string;
  readonly remedy: string;
  /** Undefined: this is not what is wrong. */
  diagnose(facts: Facts): Diagnosis | undefined;
}

export interface Finding extends Diagnosis {
  readonly code: string;
  readonly area: Area;
  readonly severity: Severity;
}
