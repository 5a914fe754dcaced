/** Who holds a port, read from /proc: so that "address in use" can name the program. Linux; elsewhere: unknown. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { familyOf, isWildcard, sameAddress } from '../wire/ip-address.ts';
import { parentOf } from './process-table.ts';

export interface BoundSocket {
  /** Local address; `0.0.0.0` or `::` when bound to all. */
  readonly address: string;
  readonly port: number;
  readonly inode: string;
  /** Of a UDP socket: datagrams that found its receive buffer full since it was opened. */
  readonly drops: number;
}

export interface PortOwner {
  readonly pid: number;
  /** The program's command line, blanks for NULs, at most `MAX_COMMAND_LENGTH` characters. */
  readonly command: string;
}

/** Characters of a command line that are told. */
export const MAX_COMMAND_LENGTH = 200;

/** TCP states in /proc/net/tcp: only a listener holds the port against others. */
const TCP_LISTEN = '0A';

/** All UDP sockets, or listening TCP sockets, of this network namespace. Empty where there is no /proc. */
export function boundSockets(protocol: 'udp' | 'tcp'): BoundSocket[] {
  return [protocol, `${protocol}6`].flatMap((table) => {
    const lines = readText(`/proc/net/${table}`)?.split('\n').slice(1) ?? [];
    return lines.flatMap((line) => {
      const [, local, , state, , , , , , inode, , , drops] = line.trim().split(/\s+/);
      const [hexAddress, hexPort] = local?.split(':') ?? [];
      if (!hexAddress || !hexPort || inode === undefined || (protocol === 'tcp' && state !== TCP_LISTEN)) {
        return [];
      }
      const port = Number.parseInt(hexPort, 16);
      return [{ address: fromKernelHex(hexAddress), port, inode, drops: protocol === 'udp' ? Number(drops) || 0 : 0 }];
    });
  });
}

/**
 * The process that a bind of `address`:`port` would collide with. Undefined: nobody, or the owner is hidden from
 * this user. Without `address` any local address counts.
 */
export function portOwner(protocol: 'udp' | 'tcp', port: number, address?: string): PortOwner | undefined {
  const inodes = new Set(
    boundSockets(protocol)
      .filter((socket) => socket.port === port && collides(socket.address, address))
      .map((socket) => socket.inode),
  );
  return inodes.size === 0 ? undefined : ownerOf(inodes);
}

/** The sockets that are wanted, each with the process that holds it; /proc is gone through once for all of them. */
export function heldSockets(
  protocol: 'udp' | 'tcp',
  isWanted: (socket: BoundSocket) => boolean,
): (BoundSocket & { readonly owner: PortOwner | undefined })[] {
  const wanted = boundSockets(protocol).filter(isWanted);
  const holders = holdersOf(new Set(wanted.map(({ inode }) => inode)));
  return wanted.map((socket) => ({ ...socket, owner: actingHolder(holders.get(socket.inode) ?? []) }));
}

/**
 * The process that listens on a unix socket of ours. Such a socket is bound under a passing name, with the process id
 * behind it, and then linked to its own; the kernel goes on telling the name that it was bound to.
 */
export function unixSocketOwner(path: string): PortOwner | undefined {
  const lines = readText('/proc/net/unix')?.split('\n') ?? [];
  const inodes = lines.flatMap((line) => {
    // Num RefCount Protocol Flags Type St Inode Path; a path may hold blanks.
    const [, inode, bound = ''] = /^(?:\S+\s+){6}(\d+) (.*)$/.exec(line) ?? [];
    const isIt = bound.startsWith(path) && /^(\.\d+)?$/.test(bound.slice(path.length));
    return inode !== undefined && isIt ? [inode] : [];
  });
  return inodes.length === 0 ? undefined : ownerOf(new Set(inodes));
}

/** What a descriptor of this process is bound to, if it is a UDP socket and the system tells. */
export function inheritedSocket(fd: number): BoundSocket | undefined {
  const inode = inodeOf(process.pid, fd);
  return inode === undefined ? undefined : boundSockets('udp').find((socket) => socket.inode === inode);
}

/** `process 4711 (python3 run.py)`, for messages. */
export function describeOwner(owner: PortOwner | undefined): string {
  return owner === undefined ? 'a process that this user may not see' : `process ${owner.pid} (${owner.command})`;
}

function collides(held: string, wanted: string | undefined): boolean {
  if (wanted === undefined || isWildcard(wanted) || sameAddress(held, wanted)) {
    return true;
  }
  // A wildcard IPv6 socket usually takes the IPv4 port as well.
  return isWildcard(held) && (familyOf(held) === 6 || familyOf(held) === familyOf(wanted));
}

function ownerOf(inodes: ReadonlySet<string>): PortOwner | undefined {
  const holders = [...holdersOf(inodes).values()].flat();
  return actingHolder([...new Map(holders.map((holder) => [holder.pid, holder])).values()]);
}

/**
 * A supervisor that opened the socket for its child (ims-launch, systemd) holds it as well, and reads nothing: the one
 * named is the child, which runs another program. Workers that a server forked run the same one: there it is the parent.
 */
function actingHolder(holders: readonly PortOwner[]): PortOwner | undefined {
  let [owner] = holders;
  for (let parent = owner; parent !== undefined; ) {
    const { pid, command } = parent;
    owner = parent;
    parent = holders.find((holder) => holder.command !== command && parentOf(holder.pid) === pid);
  }
  return owner;
}

/** By inode, processes in ascending order as /proc lists them. */
function holdersOf(inodes: ReadonlySet<string>): Map<string, PortOwner[]> {
  const holders = new Map<string, PortOwner[]>();
  for (const pid of inodes.size === 0
    ? []
    : listDirectory('/proc')
        .filter((entry) => /^[0-9]+$/.test(entry))
        .map(Number)) {
    const held = new Set(listDirectory(`/proc/${pid}/fd`).flatMap((fd) => inodeOf(pid, fd) ?? []));
    for (const inode of held) {
      if (inodes.has(inode)) {
        holders.set(inode, [...(holders.get(inode) ?? []), { pid, command: commandOf(pid) }]);
      }
    }
  }
  return holders;
}

function inodeOf(pid: number, fd: number | string): string | undefined {
  return /^socket:\[([0-9]+)\]$/.exec(readLink(`/proc/${pid}/fd/${fd}`) ?? '')?.[1];
}

/** Control characters are somebody else's, and would reach our operator's terminal. */
function commandOf(pid: number): string {
  const text = readText(`/proc/${pid}/cmdline`) ?? '';
  return text
    .replace(/\p{Cc}+/gu, ' ')
    .trim()
    .slice(0, MAX_COMMAND_LENGTH);
}

/** The kernel prints each 32-bit word of an address in host byte order (little-endian on x64 and arm64). */
function fromKernelHex(hex: string): string {
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap((word) =>
    (word.match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16)).reverse(),
  );
  if (bytes.length === 4) {
    return bytes.join('.');
  }
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[i * 2] ?? 0) << 8) | (bytes[i * 2 + 1] ?? 0));
  return groups.every((group) => group === 0) ? '::' : groups.map((group) => group.toString(16)).join(':');
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function listDirectory(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
