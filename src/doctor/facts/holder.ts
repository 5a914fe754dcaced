/** A process that holds a port. */
export interface ProcessFacts {
  readonly pid: number;
  /** Its command line, control characters removed. */
  readonly command: string;
  /** It was stopped by a signal (proc(5): T), and does nothing until it gets CONT. */
  readonly stopped: boolean;
}

/** Characters of a command line that a finding shows. */
const MAX_LENGTH = 100;

/** `process 4711 (rtpproxy -l …)` */
export function nameProcess(owner: ProcessFacts | undefined): string {
  if (owner === undefined) {
    return 'a process that this user may not see';
  }
  const command = briefCommand(owner.command).join(' ');
  return `process ${owner.pid} (${command.length > MAX_LENGTH ? `${command.slice(0, MAX_LENGTH - 1)}…` : command})`;
}

/** `process 4711 (rtpproxy)` */
export function nameProgram({ pid, command }: ProcessFacts): string {
  return `process ${pid} (${briefCommand(command)[0] ?? ''})`;
}

/** Without directories, and without Node and its own flags: what an operator calls it. */
function briefCommand(command: string): string[] {
  const words = command.split(' ');
  const isNode = /(^|\/)node$/.test(words[0] ?? '');
  const first = isNode ? words.findIndex((word, index) => index > 0 && !word.startsWith('--')) : 0;
  const [program = '', ...rest] = words.slice(Math.max(0, first));
  return [program.slice(program.lastIndexOf('/') + 1), ...rest];
}
