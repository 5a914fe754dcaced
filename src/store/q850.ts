/** Why a call ended, as ISUP and billing say it: causes of ITU-T Q.850. */

/** From the status of a final answer to INVITE, RFC 3398 section 8.2.6.1; those without a row by their class. */
const CAUSE_OF_STATUS: Readonly<Record<number, number>> = {
  400: 41,
  401: 21,
  402: 21,
  403: 21,
  404: 1,
  405: 63,
  406: 79,
  407: 21,
  408: 102,
  410: 22,
  413: 127,
  414: 127,
  415: 79,
  416: 127,
  420: 127,
  421: 127,
  423: 127,
  480: 18,
  481: 41,
  482: 25,
  483: 25,
  484: 28,
  485: 1,
  486: 17,
  488: 31,
  500: 41,
  501: 79,
  502: 38,
  503: 41,
  504: 102,
  505: 127,
  513: 127,
  600: 17,
  603: 21,
  604: 1,
  606: 58,
};

const NORMAL_CLEARING = 16;
const NORMAL_UNSPECIFIED = 31;
const TEMPORARY_FAILURE = 41;
const RECOVERY_ON_TIMER = 102;

export interface CallEnd {
  readonly answered: boolean;
  readonly endedBy: 'caller' | 'callee' | 'server';
  readonly status: number | undefined;
  readonly reason: string | undefined;
}

/** The cause, 1–127. */
export function q850Cause({ answered, endedBy, status, reason }: CallEnd): number {
  if (answered && endedBy !== 'server') {
    return NORMAL_CLEARING;
  }
  if (answered) {
    return reason === 'media-lost' || reason?.startsWith('session-expired') === true
      ? RECOVERY_ON_TIMER
      : TEMPORARY_FAILURE;
  }
  if (reason === 'cancel' || status === 487) {
    return NORMAL_CLEARING;
  }
  return (
    CAUSE_OF_STATUS[status ?? 0] ?? (status !== undefined && status >= 500 ? TEMPORARY_FAILURE : NORMAL_UNSPECIFIED)
  );
}
