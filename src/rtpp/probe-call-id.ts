/** Call ids of sessions that are made to try a relay out. They are no calls: who counts or logs calls leaves them out. */
const PREFIX = 'imsl-';

/** `imsl-hc-1f0c-17`: the purpose, for whoever reads a relay's log, and what makes it unique. */
export function probeCallId(purpose: string, id: string): string {
  return `${PREFIX}${purpose}-${id}`;
}

export function isProbeCallId(callId: string): boolean {
  return callId.startsWith(PREFIX);
}
