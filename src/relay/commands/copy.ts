import { VERBS } from '../../rtpp/verbs.ts';
import { isWildcard, parseIpv4, type TransportAddress } from '../../wire/ip-address.ts';
import type { LocalAddress } from '../local-addresses.ts';
import { isUnicast } from '../own-control.ts';
import type { Side } from '../plane.ts';
import { copyName } from '../recording/names.ts';
import { partySide, type Session } from '../session.ts';
import type { RelayState } from '../state.ts';
import { type CommandOutcome, type CommandSpec, failure, type Opening, success } from './spec.ts';
import { openTap, startSingle } from './taps.ts';

/** Pairs tried for the sender of a copy. */
const MAX_TRIES = 50;

/**
 * `C[s][p] call_id target from_tag [to_tag]`: copies of what the party named by the from tag sends go to
 * `udp:<IPv4>:<port>`, or to files of that name in the directory of `-r`. `p`: the reply tells the port and address that
 * copies come from. `s` with `-P`: both parties in one file.
 */
export const copy: CommandSpec = {
  verb: VERBS.C,
  name: 'copy',
  *execute(state, { now, line }): Opening<CommandOutcome> {
    if (!/^[sp]*$/i.test(line.modifiers)) {
      return failure(7);
    }
    const [callId = '', target = '', fromTag = '', toTag] = line.args;
    const found = state.sessions.find(callId, fromTag, toTag);
    if (found === undefined) {
      return failure(50);
    }
    const { session } = found;
    const side = partySide(found);
    const modifiers = line.modifiers.toUpperCase();
    if (!target.startsWith('udp:')) {
      return !modifiers.includes('P') && (yield* copyToFile(state, session, side, target, modifiers.includes('S')))
        ? success('0')
        : failure(65);
    }
    const to = parseTarget(target.slice('udp:'.length));
    if (to === undefined || !isUnicast(to.address) || state.isOwnControl(to.address, to.port)) {
      return failure(65);
    }
    const source = yield* copyToHost(state, now, session, side, to);
    if (source === undefined) {
      return failure(65);
    }
    return success(modifiers.includes('P') ? `${source.port} ${source.address}` : '0');
  },
};

/** Where the copies of a leg come from; undefined: they cannot be made. A leg that is tapped has no second copy. */
function* copyToHost(
  state: RelayState,
  now: number,
  session: Session,
  side: Side,
  to: TransportAddress,
): Opening<TransportAddress | undefined> {
  const { tap } = session.legs[side];
  const local = senderOf(state, to);
  if (local === undefined || tap?.kind === 'single') {
    return undefined;
  }
  const told = local.advertised ?? local.address;
  if (tap !== undefined) {
    return { address: told, port: tap.port?.port ?? 0 };
  }
  const table = state.ports(4);
  let tries = 0;
  for (const port of table.candidates(now)) {
    const target = { kind: 'remote', address: local.address, port, to, rtcp: state.settings.recordRtcp } as const;
    if (yield* openTap(state, session, side, target, { family: 4, port })) {
      table.claim(port);
      return { address: told, port };
    }
    tries += 1;
    if (tries === MAX_TRIES) {
      break;
    }
  }
  return undefined;
}

/** A relay on all addresses sends from the one that leads there, so that the reply can tell it. */
function senderOf({ addresses }: RelayState, to: TransportAddress): LocalAddress | undefined {
  const local = addresses.newestOf(4);
  return local !== undefined && isWildcard(local.address) ? addresses.towards(to.address, 4) : local;
}

function* copyToFile(state: RelayState, session: Session, side: Side, text: string, single: boolean): Opening<boolean> {
  const { recording, recordRtcp } = state.settings;
  const name = copyName(text);
  if (recording === undefined || name === undefined) {
    return false;
  }
  const { format } = recording;
  if (single && format === 'pcap') {
    return yield* startSingle(state, session, side, name);
  }
  const { tap } = session.legs[side];
  if (tap !== undefined) {
    return tap.kind !== 'single';
  }
  const target = { kind: 'files', format, rtp: `${name}.rtp`, rtcp: recordRtcp ? `${name}.rtcp` : undefined } as const;
  return yield* openTap(state, session, side, target, undefined);
}

function parseTarget(text: string): TransportAddress | undefined {
  const [, address = '', digits = ''] = /^(.+):([0-9]{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  return parseIpv4(address) !== undefined && port > 0 && port < 65_536 ? { address, port } : undefined;
}
