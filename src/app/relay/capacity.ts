/** How many calls a relay has room for, and what sets the bound. */
import { readdirSync } from 'node:fs';
import { openFileLimit } from '../../linux/open-file-limit.ts';
import type { Log } from '../../observe/log.ts';
import { pairPorts } from '../../relay/port-table.ts';
import type { RelaySettings } from '../../relay/settings.ts';

/** RTP and RTCP, towards each of two parties. */
const SOCKETS_PER_CALL = 4;

/** Recordings, prompts, control connections: what may be open besides media. */
const OTHER_FILES = 32;

export interface Capacity {
  /** Calls with one media stream each. */
  readonly calls: number;
  readonly bound: 'media ports' | 'open files' | 'sessions';
}

/** What the port range, the limit of open files and the highest number of sessions leave; the least of them counts. */
export function capacityOf(settings: RelaySettings): Capacity {
  const pairs = pairPorts({ ...settings, reserved: settings.reservedPorts }).length;
  const [inner] = settings.addresses;
  const { external, maxSessions } = settings;
  // A call takes two pairs; between two address families it takes one of each, and each family has the whole range.
  const byPorts = external !== undefined && external.family !== inner?.family ? pairs : Math.floor(pairs / 2);
  const bounds: Capacity[] = [
    { calls: byPorts, bound: 'media ports' },
    { calls: callsByFiles(), bound: 'open files' },
    { calls: maxSessions, bound: 'sessions' },
  ];
  return bounds.reduce((least, bound) => (bound.calls < least.calls ? bound : least));
}

/** One line when the limit of open files takes calls that the port range has room for. */
export function warnOfFewFiles({ calls, bound }: Capacity, settings: RelaySettings, log: Log): void {
  if (bound === 'open files') {
    const pairs = pairPorts({ ...settings, reserved: settings.reservedPorts }).length;
    const wanted = pairs * 2 + openFiles() + OTHER_FILES;
    log.warn(
      { calls, limit: openFileLimit()?.hard, remedy: `ulimit -Hn ${wanted}; in a unit LimitNOFILE=${wanted}` },
      'fewer calls than the media ports have room for: too few files may be open',
    );
  }
}

function callsByFiles(): number {
  const { soft = Number.POSITIVE_INFINITY } = openFileLimit() ?? {};
  return Math.max(0, Math.floor((soft - openFiles() - OTHER_FILES) / SOCKETS_PER_CALL));
}

function openFiles(): number {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return 0;
  }
}
