/**
 * TERMINATION_GRACE_MS: how long whoever runs us waits between TERM and KILL (a container's grace period, milliseconds).
 * No standard sets it, but a pod or unit file can, beside the number itself.
 */
import { ImsError } from '../errors.ts';

export const GRACE_VARIABLE = 'TERMINATION_GRACE_MS';

/** The teardown's share of it, as 8.5 s are of Docker's 10 s; the rest is for our own end. */
const SHARE = 0.85;

/** The stop budget that fits, milliseconds; undefined: nobody says. @throws ImsError IMS_ERR_CONFIG_INVALID */
export function budgetWithinGrace(env: Readonly<Record<string, string | undefined>>): number | undefined {
  const text = env[GRACE_VARIABLE]?.trim() ?? '';
  if (text === '') {
    return undefined;
  }
  if (!/^[0-9]{1,9}$/.test(text)) {
    throw new ImsError(
      'IMS_ERR_CONFIG_INVALID',
      `environment variable ${GRACE_VARIABLE} must be a whole number of milliseconds, but is ${JSON.stringify(text)}`,
    );
  }
  return Math.round(Number(text) * SHARE);
}
