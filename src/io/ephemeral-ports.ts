import { readFileSync } from 'node:fs';

/** Ports, both ends inclusive. */
type Range = readonly [first: number, last: number];

/**
 * Media ports that the system also hands to other programs' outgoing sockets are lost to them now and then. The
 * command that prevents it and keeps what is reserved already, or undefined: no overlap, or not Linux.
 */
export function ephemeralOverlap(minPort: number, maxPort: number): string | undefined {
  const ephemeral = readText('/proc/sys/net/ipv4/ip_local_port_range');
  const reserved = readText('/proc/sys/net/ipv4/ip_local_reserved_ports');
  return ephemeral === undefined || reserved === undefined
    ? undefined
    : reservation([minPort, maxPort], ephemeral, reserved);
}

/** What the system gives out to sockets that name no port; undefined: not Linux. */
export function ephemeralRange(): { readonly low: number; readonly high: number } | undefined {
  const [low, high] = readText('/proc/sys/net/ipv4/ip_local_port_range')?.trim().split(/\s+/).map(Number) ?? [];
  return low === undefined || high === undefined ? undefined : { low, high };
}

/** The command of `ephemeralOverlap`, given what the two files say: `32768	60999` and `8080,9000-9100`. */
export function reservation([minPort, maxPort]: Range, ephemeral: string, reserved: string): string | undefined {
  const [low = 0, high = 0] = ephemeral.trim().split(/\s+/).map(Number);
  const ranges = reserved
    .trim()
    .split(',')
    .filter((text) => text !== '')
    .map((text): Range => {
      const [first = 0, last = first] = text.split('-').map(Number);
      return [first, last];
    });
  const from = Math.max(minPort, low);
  const to = Math.min(maxPort, high);
  if (from > to || joined(ranges).some(([first, last]) => first <= from && last >= to)) {
    return undefined;
  }
  const wanted = joined([...ranges, [minPort, maxPort]]).map(([first, last]) =>
    first === last ? `${first}` : `${first}-${last}`,
  );
  return `sysctl -w net.ipv4.ip_local_reserved_ports=${wanted.join(',')}`;
}

/** Ascending, with those that overlap or touch made one. */
function joined(ranges: readonly Range[]): Range[] {
  const result: [number, number][] = [];
  for (const [first, last] of [...ranges].sort(([a], [b]) => a - b)) {
    const previous = result.at(-1);
    if (previous !== undefined && first <= previous[1] + 1) {
      previous[1] = Math.max(previous[1], last);
    } else {
      result.push([first, last]);
    }
  }
  return result;
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
