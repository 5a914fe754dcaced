import { readFileSync } from 'node:fs';

/**
 * Media ports that the system also hands to other programs' outgoing sockets are lost to them now and then. The
 * command that prevents it, or undefined: no overlap, ports are reserved already, or not Linux.
 */
export function ephemeralOverlap(minPort: number, maxPort: number): string | undefined {
  const [low, high] = (readText('/proc/sys/net/ipv4/ip_local_port_range') ?? '').split(/\s+/).map(Number);
  const reserved = readText('/proc/sys/net/ipv4/ip_local_reserved_ports');
  if (low === undefined || high === undefined || reserved !== '' || minPort > high || maxPort < low) {
    return undefined;
  }
  return `sysctl -w net.ipv4.ip_local_reserved_ports=${minPort}-${maxPort}`;
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}
