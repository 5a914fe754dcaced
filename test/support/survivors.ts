/** What a program left behind: processes (found by a variable in their environment) and bound UDP ports. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** Every process of a test carries it, children and grandchildren inherit it. */
export const RUN_VARIABLE = 'IMS_TEST_RUN';

export interface RunningProcess {
  readonly pid: number;
  readonly command: string;
}

/** Processes whose environment says that they belong to this run. */
export function processesOfRun(cookie: string): RunningProcess[] {
  return processesWithVariable(RUN_VARIABLE, cookie);
}

/** Processes that were started with this variable in their environment. Zombies are not processes any more. */
export function processesWithVariable(name: string, value: string): RunningProcess[] {
  return readdirSync('/proc').flatMap((entry) => {
    if (!/^[0-9]+$/.test(entry)) {
      return [];
    }
    const environment = readText(`/proc/${entry}/environ`).split('\0');
    const state = /^State:\s+([A-Z])/m.exec(readText(`/proc/${entry}/status`))?.[1];
    if (!environment.includes(`${name}=${value}`) || state === 'Z' || state === 'X') {
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
  return new Set(udpSockets().values());
}

/** Kernel identities (inodes) of the UDP sockets that these processes hold, with their ports. */
export function udpSocketsOf(processes: readonly RunningProcess[]): Map<string, number> {
  const held = new Set(processes.flatMap(({ pid }) => socketInodes(pid)));
  return new Map([...udpSockets()].filter(([inode]) => held.has(inode)));
}

/** Ports on which these processes accept TCP connections. */
export function listeningTcpPorts(processes: readonly RunningProcess[]): number[] {
  const held = new Set(processes.flatMap(({ pid }) => socketInodes(pid)));
  return ['tcp', 'tcp6'].flatMap((table) =>
    readText(`/proc/net/${table}`)
      .split('\n')
      .flatMap((row) => {
        const [, local, , state, , , , , , inode = ''] = row.trim().split(/\s+/);
        // proc(5), include/net/tcp_states.h: 0A is LISTEN.
        return state === '0A' && held.has(inode) ? [Number.parseInt(local?.split(':')[1] ?? '', 16)] : [];
      }),
  );
}

/** All UDP sockets of this network namespace: inode → port. */
export function udpSockets(): Map<string, number> {
  const rows = ['udp', 'udp6'].flatMap((table) => readText(`/proc/net/${table}`).split('\n').slice(1));
  return new Map(
    rows.flatMap((row): [string, number][] => {
      const [, local, , , , , , , , inode] = row.trim().split(/\s+/);
      const port = Number.parseInt(local?.split(':')[1] ?? '', 16);
      return port > 0 && inode !== undefined ? [[inode, port]] : [];
    }),
  );
}

function socketInodes(pid: number): string[] {
  return list(`/proc/${pid}/fd`).flatMap((fd) => {
    return /^socket:\[(\d+)\]$/.exec(readLink(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
  });
}

/** Processes and descriptors come and go while /proc is read: what has gone is empty. */
function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function readLink(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** Resident memory of a process, bytes; 0 when it is gone. */
export function processMemory(pid: number): number {
  return Number(/^VmRSS:\s+([0-9]+) kB/m.exec(readText(`/proc/${pid}/status`))?.[1] ?? 0) * 1024;
}
