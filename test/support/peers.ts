/** Programs of other people that tests talk to. Absent ones skip a test aloud; with CI=true they fail it. */
import { spawnSync } from 'node:child_process';
import type { TestContext } from 'node:test';

interface Peer {
  /** Debian package that brings the program. */
  readonly apt: string;
  /** Prints the version; the exit status does not matter, being found does. */
  readonly probe: readonly [string, ...string[]];
  readonly version: RegExp;
}

export const PEERS = {
  sipp: { apt: 'sip-tester', probe: ['sipp', '-v'], version: /SIPp (v\S+?)\.?\s/ },
  kamailio: { apt: 'kamailio', probe: ['kamailio', '-v'], version: /version: kamailio (\S+)/ },
  baresip: { apt: 'baresip-core', probe: ['baresip', '-h'], version: /baresip (v\S+)/ },
  tshark: { apt: 'tshark', probe: ['tshark', '--version'], version: /TShark.*? ([0-9][0-9.]*)/ },
  rtpengine: { apt: 'rtpengine-daemon', probe: ['rtpengine', '--version'], version: /Version: (\S+)/ },
  systemd: { apt: 'systemd', probe: ['systemd-analyze', '--version'], version: /^systemd (\S+)/ },
  tini: { apt: 'tini', probe: ['tini', '--version'], version: /version (\S+)/ },
  openssl: { apt: 'openssl', probe: ['openssl', 'version'], version: /OpenSSL (\S+)/ },
  python3: { apt: 'python3', probe: ['python3', '--version'], version: /Python (\S+)/ },
  nftables: { apt: 'nftables', probe: ['nft', '--version'], version: /nftables v(\S+)/ },
  iproute2: { apt: 'iproute2', probe: ['ip', '-V'], version: /iproute2-([^\s,]+)/ },
} as const satisfies Record<string, Peer>;

export type PeerName = keyof typeof PEERS | 'network namespaces' | 'npm registry';

/** The peer's version, or undefined when it is not installed. */
export function peerVersion(name: keyof typeof PEERS): string | undefined {
  const { probe, version } = PEERS[name];
  const [file, ...args] = probe;
  const { stdout, stderr, error } = spawnSync(file, args, { encoding: 'utf8', timeout: 10_000 });
  return error === undefined ? (version.exec(stdout + stderr)?.[1] ?? 'unknown version') : undefined;
}

/**
 * Whether all these peers can be used. If not, the test has been skipped aloud, and must return:
 * `if (!peersPresent(t, 'sipp')) return;`
 * @throws Error under CI=true, where nothing may be skipped.
 */
export function peersPresent(t: TestContext, ...names: readonly PeerName[]): boolean {
  const missing = names.map(whatIsMissing).filter((reason) => reason !== undefined);
  if (missing.length === 0) {
    return true;
  }
  const reason = missing.join('; ');
  if (process.env['CI'] === 'true') {
    throw new Error(`with CI=true no peer may be missing: ${reason}`);
  }
  t.skip(reason);
  return false;
}

function whatIsMissing(name: PeerName): string | undefined {
  if (name === 'network namespaces') {
    return namespacesWork() ? undefined : 'network namespaces need root (CAP_SYS_ADMIN, CAP_NET_ADMIN) and iproute2';
  }
  if (name === 'npm registry') {
    return spawnSync('npm', ['ping'], { timeout: 20_000 }).status === 0
      ? undefined
      : 'the npm registry does not answer';
  }
  return peerVersion(name) === undefined
    ? `${name} is not installed (Debian: apt-get install ${PEERS[name].apt})`
    : undefined;
}

/** Asked by making one and deleting it: containers may have root and yet no right to do so. */
function namespacesWork(): boolean {
  const name = `imsl-probe-${process.pid}`;
  if (spawnSync('ip', ['netns', 'add', name]).status !== 0) {
    return false;
  }
  return spawnSync('ip', ['netns', 'del', name]).status === 0;
}
