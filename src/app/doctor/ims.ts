import { readFileSync, statSync } from 'node:fs';
import type { LoadedConfig } from '../../config/load.ts';
import type { ProcessFacts } from '../../doctor/facts/holder.ts';
import type { ImsFacts } from '../../doctor/facts/ims.ts';
import type { LauncherFacts } from '../../doctor/facts/launcher.ts';
import { portOwner } from '../../io/port-owner.ts';
import { environmentVariable, groupOf, parentOf } from '../../io/process-table.ts';
import { pingSipOptions } from '../../io/sip/options-ping.ts';
import { familyOf } from '../../wire/ip-address.ts';
import type { AddressFacts } from './network.ts';
import { processFacts } from './processes.ts';

/** An IMS that lives answers OPTIONS within milliseconds. */
const ANSWER_LIMIT_MS = 2000;
/** A Kamailio configuration of a large site. */
const MAX_FILE_BYTES = 4 * 1024 * 1024;

export async function collectIms(
  { config }: LoadedConfig,
  launcher: LauncherFacts,
  address: AddressFacts,
): Promise<ImsFacts> {
  const port = config.SERVER_PORT;
  const bind = address.kind === 'known' ? address.bind : '127.0.0.1';
  const targets = [...new Set([bind, familyOf(bind) === 6 ? '::1' : '127.0.0.1'])];
  const answers = await Promise.all(
    targets.map((target) => pingSipOptions({ address: target, port }, ANSWER_LIMIT_MS)),
  );
  const owner = processFacts(portOwner('udp', port));
  return {
    sipPort: port,
    builtIn: config.ims.command === undefined,
    answer: answers.includes('answered') ? 'answered' : answers.includes('silent') ? 'silent' : 'refused',
    owner,
    isOurs: owner !== undefined && launcher.kind === 'running' && belongsTo(owner.pid, launcher.ims.pid),
    told: owner && toldRelay(owner),
  };
}

/** A worker is a child of the process that was started, or at least of its group. */
function belongsTo(pid: number, leader: number | null): boolean {
  if (leader === null) {
    return false;
  }
  for (
    let ancestor: number | undefined = pid, depth = 0;
    ancestor && depth < 16;
    ancestor = parentOf(ancestor), depth++
  ) {
    if (ancestor === leader) {
      return true;
    }
  }
  return groupOf(pid) === leader;
}

/** Kamailio reads its file; what this package starts, and the Python IMS, their environment. */
function toldRelay({ pid, command }: ProcessFacts): ImsFacts['told'] {
  if (/\b(kamailio|opensips)\b/.test(command)) {
    const file = / -f ?(\S+)/.exec(command)?.[1] ?? '/etc/kamailio/kamailio.cfg';
    return toldByFile(file);
  }
  const port = environmentVariable(pid, 'RTPPROXY_UDP_PORT');
  if (port === undefined) {
    return undefined;
  }
  const host = environmentVariable(pid, 'RTPPROXY_UDP_HOST') ?? '127.0.0.1';
  return { host, port: Number(port), where: 'RTPPROXY_UDP_PORT in its environment' };
}

/** `modparam("rtpproxy", "rtpproxy_sock", "udp:127.0.0.1:7722")`; where several are named, the first. */
function toldByFile(path: string): ImsFacts['told'] {
  const sockets = /^\s*modparam\(\s*"rtpproxy"\s*,\s*"rtpproxy_sock"\s*,\s*"[^"]*?udp:([^:"\s]+):([0-9]+)/m.exec(
    readConfiguration(path),
  );
  const [, host, port] = sockets ?? [];
  return host === undefined ? undefined : { host, port: Number(port), where: path };
}

function readConfiguration(path: string): string {
  try {
    const stat = statSync(path);
    return stat.isFile() && stat.size <= MAX_FILE_BYTES ? readFileSync(path, 'utf8') : '';
  } catch {
    return '';
  }
}
