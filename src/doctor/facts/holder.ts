/** A process that holds a port. */
export interface ProcessFacts {
  readonly pid: number;
  /** Its command line, control characters removed. */
  readonly command: string;
  /** It was stopped by a signal (proc(5): T), and does nothing until it gets CONT. */
  readonly stopped: boolean;
}

/** `process 4711 (rtpproxy -l …)` */
export function nameProcess(owner: ProcessFacts | undefined): string {
  return owner === undefined ? 'a process that this user may not see' : `process ${owner.pid} (${owner.command})`;
}
