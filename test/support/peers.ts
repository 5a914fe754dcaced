/** Programs of other people that tests talk to. Absent ones skip a test aloud; with CI=true they fail it. */
import { spawnSync } from 'node:child_process';
import type { TestContext } from 'node:test';
import { bpfWorks } from './bpf-ability.ts';

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
  linphone: { apt: 'linphone-cli', probe: ['linphonec', '--version'], version: /version: (\S+)/ },
  tshark: { apt: 'tshark', probe: ['tshark', '--version'], version: /TShark.*? ([0-9][0-9.]*)/ },
  rtpengine: { apt: 'rtpengine-daemon', probe: ['rtpengine', '--version'], version: /Version: (\S+)/ },
  systemd: { apt: 'systemd', probe: ['systemd-analyze', '--version'], version: /^systemd (\S+)/ },
  tini: { apt: 'tini', probe: ['tini', '--version'], version: /version (\S+)/ },
  openssl: { apt: 'openssl', probe: ['openssl', 'version'], version: /OpenSSL (\S+)/ },
  tmux: { apt: 'tmux', probe: ['tmux', '-V'], version: /tmux (\S+)/ },
  python3: { apt: 'python3', probe: ['python3', '--version'], version: /Python (\S+)/ },
  nftables: { apt: 'nftables', probe: ['nft', '--version'], version: /nftables v(\S+)/ },
  promtool: { apt: 'prometheus', probe: ['promtool', '--version'], version: /promtool, version (\S+)/ },
  chromium: { apt: 'chromium', probe: ['chromium', '--version'], version: /Chromium (\S+)/ },
  fail2ban: { apt: 'fail2ban', probe: ['fail2ban-regex', '--version'], version: /fail2ban-regex ([0-9.]+)/ },
  iptables: { apt: 'iptables', probe: ['iptables', '--version'], version: /iptables v(\S+)/ },
  iproute2: { apt: 'iproute2', probe: ['ip', '-V'], version: /iproute2-([^\s,]+)/ },
} as const satisfies Record<string, Peer>;

/** What a test may need beside programs of other people, and whether it is there: undefined, or what to do. */
const ABILITIES = {
  root: () => (process.geteuid?.() === 0 ? undefined : 'only root may do what this test does'),
  setpriv: () =>
    lacking(['setpriv', '--bounding-set', '-kill', 'true'], 'a process without CAP_KILL needs root and setpriv(1)'),
  prlimit: () => lacking(['prlimit', '--version'], 'prlimit(1) of util-linux is missing'),
  dash: () => lacking(['dash', '-c', ':'], 'dash is not installed'),
  bash: () => lacking(['bash', '-c', ':'], 'bash is not installed'),
  'pid namespaces': () =>
    lacking(['unshare', '--fork', '--pid', '--mount-proc', 'true'], 'pid namespaces need unshare(1) and CAP_SYS_ADMIN'),
  'network namespaces': () =>
    namespacesWork() ? undefined : 'network namespaces need root (CAP_SYS_ADMIN, CAP_NET_ADMIN) and iproute2',
  bpf: () => (bpfWorks({}) ? undefined : 'programs in the kernel need root (CAP_BPF, CAP_NET_ADMIN) and bpf(2)'),
  'bpf checksums': () =>
    bpfWorks({ checksumComplete: true }) ? undefined : 'BPF_F_TEST_SKB_CHECKSUM_COMPLETE needs Linux 6.16 or later',
  'npm registry': () => lacking(['npm', 'ping'], 'the npm registry does not answer'),
} as const satisfies Record<string, () => string | undefined>;

export type PeerName = keyof typeof PEERS | keyof typeof ABILITIES;

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
  if (isAbility(name)) {
    return ABILITIES[name]();
  }
  return peerVersion(name) === undefined
    ? `${name} is not installed (Debian: apt-get install ${PEERS[name].apt})`
    : undefined;
}

function isAbility(name: PeerName): name is keyof typeof ABILITIES {
  return name in ABILITIES;
}

function lacking(command: readonly [string, ...string[]], reason: string): string | undefined {
  const [file, ...args] = command;
  return spawnSync(file, args, { stdio: 'ignore', timeout: 20_000 }).status === 0 ? undefined : reason;
}

/** Asked by making one and deleting it: containers may have root and yet no right to do so. */
function namespacesWork(): boolean {
  const name = `imsl-probe-${process.pid}`;
  if (spawnSync('ip', ['netns', 'add', name]).status !== 0) {
    return false;
  }
  return spawnSync('ip', ['netns', 'del', name]).status === 0;
}
