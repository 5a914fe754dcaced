import type { PairFailure } from '../relay/plane.ts';

/** What an error of the system says about a port pair that could not be opened. */
export function failureOf(code: string | undefined): PairFailure {
  switch (code) {
    case 'EADDRINUSE':
      return 'in-use';
    case 'EACCES':
    case 'EPERM':
      return 'no-privilege';
    case 'EADDRNOTAVAIL':
      return 'not-local';
    case 'EMFILE':
    case 'ENFILE':
      return 'no-descriptors';
    default:
      return 'other';
  }
}
