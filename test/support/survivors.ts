/** What a program left behind: processes (found by a variable in their environment) and bound UDP ports. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** Every process of a test carries it, children and grandchildren inherit it. */
export const RUN_VARIABLE = 'IMS_TEST_RUN';

export interface RunningProcess {
  readonly pid: number;
  readonly command: string;
}

/** Processes whose environment says that they belong to this run. Zombies are not processes any more. */
export function processesOfRun(cookie: string): RunningProcess[] {
  return readdirSync('/proc').flatMap((entry) => {
    if (!/^[0-9]+$/.test(entry)) {
      return [];
    }
    const environment = readText(`/proc/${entry}/environ`).split('\0');
    const state = /^State:\s+([A-Z])/m.exec(readText(`/proc/${entry}/status`))?.[1];
    if (!environment.includes(`${RUN_VARIABLE}=${cookie}`) || state === 'Z' || state === 'X') {
      return [];
    }
    return [{ pid: Number(entry), command: readText(`/proc/${entry}/cmdline`).split('\0').join(' ').trim() }];
  });
}

/** Bound UDP sockets as `address:port`, of the host or of a network namespace, as `ss -lun` lists them. */
export function boundUdpSockets(namespace?: string): string[] {
  const [file, ...args] = ['ss', '-H', '-l', '-u', '-n'] as const;
  const output =
    namespace === undefined
      ? execFileSync(file, args, { encoding: 'utf8' })
      : execFileSync('ip', ['netns', 'exec', namespace, file, ...args], { encoding: 'utf8' });
  return output
    .split('\n')
    .map((line) => line.trim().split(/\s+/)[3] ?? '')
    .filter((local) => local !== '')
    .sort();
}

/** UDP ports bound in this network namespace, from /proc: works without iproute2 and without privilege. */
export function boundUdpPorts(): Set<number> {
  const rows = ['udp', 'udp6'].flatMap((table) => readText(`/proc/net/${table}`).split('\n').slice(1));
  return new Set(
    rows.map((row) => Number.parseInt(row.trim().split(/\s+/)[1]?.split(':')[1] ?? '', 16)).filter((port) => port > 0),
  );
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
