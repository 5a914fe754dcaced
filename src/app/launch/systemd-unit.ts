/** Unit files for systemd, systemd.service(5) and systemd.exec(5): one for both programs, or one each. */

import { programPath, relayArguments } from './children.ts';
import type { LaunchSetup } from './setup.ts';

export interface UnitFile {
  readonly name: string;
  readonly text: string;
}

export type UnitSource = Pick<LaunchSetup, 'loaded' | 'address' | 'control'> & {
  /** An account that exists; undefined: systemd makes one for as long as the service runs. */
  readonly user: string | undefined;
};

const RELAY_UNIT = 'ims-relay.service';
const LAUNCH_UNIT = 'ims-launch.service';

/** A teardown takes `stopBudgetMs` at most; what systemd adds before it kills, seconds. */
const STOP_SLACK_SECONDS = 6;

export function formatUnits(source: UnitSource, split: boolean): readonly UnitFile[] {
  return split
    ? [
        { name: RELAY_UNIT, text: relayUnit(source) },
        { name: LAUNCH_UNIT, text: launchUnit(source, true) },
      ]
    : [{ name: LAUNCH_UNIT, text: launchUnit(source, false) }];
}

function launchUnit({ loaded, user }: UnitSource, split: boolean): string {
  const { stopBudgetMs } = loaded.config.supervisor;
  const command = [
    process.execPath,
    programPath('ims-launch'),
    'start',
    ...(loaded.fileFound ? ['--config', loaded.path] : []),
    ...(split ? ['--require-relay'] : []),
  ];
  return format([
    [
      'Unit',
      `Description=SIP/IMS server${split ? '' : ' and its RTP media relay'} (ims-launch)`,
      `After=network-online.target${split ? ` ${RELAY_UNIT}` : ''}`,
      'Wants=network-online.target',
      ...(split ? [`Requires=${RELAY_UNIT}`] : []),
      'StartLimitIntervalSec=300',
      'StartLimitBurst=5',
    ],
    [
      'Service',
      '# READY=1 comes when RTP has passed the relay and the IMS answers.',
      'Type=notify',
      'NotifyAccess=main',
      `ExecStart=${command.map(quote).join(' ')}`,
      'ExecReload=/bin/kill -HUP $MAINPID',
      ...(split ? ['Environment=RTPPROXY_AUTO_START=0'] : []),
      '# TERM to ims-launch alone, which stops the others in order; what is left is killed.',
      'KillMode=mixed',
      'TimeoutStartSec=120',
      `TimeoutStopSec=${Math.ceil(stopBudgetMs / 1000) + STOP_SLACK_SECONDS}`,
      'Restart=on-failure',
      'RestartSec=1',
      '# A wrong command line or configuration does not mend itself.',
      'RestartPreventExitStatus=64 78',
      '# Told to systemd only while relay and IMS both serve.',
      'WatchdogSec=30',
      'Environment=IMS_LAUNCH_DATA_DIR=%S/ims-launch',
      'StateDirectory=ims-launch',
      'StateDirectoryMode=0700',
      'RuntimeDirectory=ims-launch',
      'RuntimeDirectoryMode=0700',
      ...hardening(user, loaded),
    ],
    ['Install', 'WantedBy=multi-user.target'],
  ]);
}

function relayUnit(source: UnitSource): string {
  const command = [process.execPath, programPath('ims-relay'), ...relayArguments(source)];
  return format([
    ['Unit', 'Description=RTP media relay (ims-relay)', 'After=network-online.target', 'Wants=network-online.target'],
    [
      'Service',
      'Type=exec',
      `ExecStart=${command.map(quote).join(' ')}`,
      'KillMode=mixed',
      'Restart=always',
      'RestartSec=250ms',
      ...hardening(source.user, source.loaded),
    ],
    ['Install', 'WantedBy=multi-user.target'],
  ]);
}

/**
 * As little as both need: sockets, files of their own, and two capabilities – ports below 1024, and the priority that
 * keeps packets in time – or four, where the kernel plane is asked for by name. Not MemoryDenyWriteExecute: V8 compiles
 * while it runs.
 */
function hardening(user: string | undefined, { config }: LaunchSetup['loaded']): string[] {
  const usesKernel = config.relay.plane === 'kernel';
  const capabilities = `CAP_NET_BIND_SERVICE CAP_SYS_NICE${usesKernel ? ' CAP_BPF CAP_NET_ADMIN' : ''}`;
  return [
    ...(user === undefined ? ['DynamicUser=yes'] : [`User=${user}`]),
    'UMask=0077',
    'LimitNOFILE=65536',
    `AmbientCapabilities=${capabilities}`,
    `CapabilityBoundingSet=${capabilities}`,
    'NoNewPrivileges=yes',
    'ProtectSystem=strict',
    'ProtectHome=read-only',
    'PrivateTmp=yes',
    'PrivateDevices=yes',
    'ProtectClock=yes',
    'ProtectControlGroups=yes',
    'ProtectHostname=yes',
    'ProtectKernelLogs=yes',
    'ProtectKernelModules=yes',
    'ProtectKernelTunables=yes',
    'LockPersonality=yes',
    'RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK',
    'RestrictNamespaces=yes',
    'RestrictRealtime=yes',
    'RestrictSUIDSGID=yes',
    'SystemCallArchitectures=native',
    `SystemCallFilter=@system-service${usesKernel ? ' bpf' : ''}`,
  ];
}

function format(sections: readonly (readonly [string, ...string[]])[]): string {
  return sections.map(([name, ...lines]) => `[${name}]\n${lines.join('\n')}\n`).join('\n');
}

/** systemd.service(5), command lines: `%` and `$` are doubled, a word with blanks or quotes is quoted. */
function quote(word: string): string {
  const escaped = word.replaceAll('%', '%%').replaceAll('$', '$$$$');
  return /^[\w@%+=:,./$-]+$/.test(escaped) ? escaped : `"${escaped.replaceAll(/[\\"]/g, '\\$&')}"`;
}
