/** How the oracle tells the reporter what a test left behind: a line on standard error, which people see as well. */

export function survivorLine(testName: string, processes: readonly string[]): string {
  return `left behind by ${JSON.stringify(testName)}: ${processes.join(' | ')}`;
}

/** The test that a line of the oracle is about, or undefined. */
export function survivorOf(line: string): string | undefined {
  const name = /^left behind by ("(?:[^"\\]|\\.)*"): /.exec(line)?.[1];
  return name === undefined ? undefined : (JSON.parse(name) as string);
}
