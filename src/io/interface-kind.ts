import { readdirSync, readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';

/** Addresses that other machines could use, of all interfaces. Link-local ones are left out. */
export function outwardAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((entries) => entries ?? [])
    .filter(({ internal, scopeid = 0 }) => !internal && scopeid === 0)
    .map(({ address }) => address);
}

/**
 * Whether every interface but `lo` is one end of a pair whose other end is elsewhere (veth), as in a container with a
 * network of its own. False where that cannot be seen.
 */
export function hasOnlyPairedInterfaces(): boolean {
  const root = '/sys/class/net';
  try {
    const names = readdirSync(root).filter((name) => name !== 'lo' && read(`${root}/${name}/type`) === '1');
    return (
      names.length > 0 && names.every((name) => read(`${root}/${name}/iflink`) !== read(`${root}/${name}/ifindex`))
    );
  } catch {
    return false;
  }
}

function read(path: string): string {
  return readFileSync(path, 'utf8').trim();
}
