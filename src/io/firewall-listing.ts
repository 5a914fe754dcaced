/** The packet filters of this machine, as their own programs print them. Reading needs CAP_NET_ADMIN. */
import { execFile } from 'node:child_process';

export interface FirewallListing {
  /** JSON of libnftables. */
  readonly nft: string | undefined;
  /** `-S` of the table filter. */
  readonly iptables: string | undefined;
  readonly ip6tables: string | undefined;
}

/** A ruleset is printed in milliseconds; a large set in a second. */
const LIMIT_MS = 5000;
const MAX_BYTES = 16 * 1024 * 1024;

/** Never rejects: a program that is missing, or may not look, has nothing to say. */
export async function firewallListing(): Promise<FirewallListing> {
  const [nft, iptables, ip6tables] = await Promise.all([
    printed('nft', ['-j', 'list', 'ruleset']),
    printed('iptables', ['-w', '2', '-S']),
    printed('ip6tables', ['-w', '2', '-S']),
  ]);
  return { nft, iptables, ip6tables };
}

function printed(program: string, args: readonly string[]): Promise<string | undefined> {
  // sbin is not in everybody's PATH.
  const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` };
  return new Promise((resolve) => {
    execFile(program, args, { env, timeout: LIMIT_MS, maxBuffer: MAX_BYTES }, (error, stdout) => {
      resolve(error === null ? stdout : undefined);
    });
  });
}
