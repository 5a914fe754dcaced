/** The supervisor's questions to relay and IMS, answered with facts. Every one ends within its limit. */
import { describeOwner, MAX_COMMAND_LENGTH, portOwner } from '../../io/port-owner.ts';
import { processesWithEnvironment } from '../../io/process-table.ts';
import type { RtppClient } from '../../io/rtpp-client-driver.ts';
import { isLocalAddress } from '../../io/server-address.ts';
import { pingSipOptions } from '../../io/sip/options-ping.ts';
import { formatCommand } from '../../rtpp/request.ts';
import { describeOutcome } from '../../rtpp-client/outcome.ts';
import type { CheckOutcome, RelayVerdict } from '../../supervisor/events.ts';
import { assertNever } from '../../wire/assert-never.ts';
import { familyOf, formatTransportAddress, isWildcard } from '../../wire/ip-address.ts';
import type { LaunchSetup } from './setup.ts';

export interface Finding {
  readonly outcome: CheckOutcome;
  /** What was met, for people. */
  readonly finding: string;
}

/** Who holds the relay's control port? */
export async function probeRelay(client: RtppClient): Promise<RelayVerdict> {
  const verdict = await client.probe();
  switch (verdict.kind) {
    case 'absent':
      return { kind: 'absent' };
    case 'rtpproxy':
      return { kind: 'rtpp', description: `${versionOf(verdict)}, ${ownerOf(client)}` };
    case 'foreign':
      return { kind: 'foreign', owner: ownerOf(client) };
    case 'silent':
      return { kind: 'silent', owner: ownerOf(client) };
    default:
      return assertNever(verdict);
  }
}

/** One `V`. With `cookies` the answer must come from a process of that incarnation. */
export async function checkRelay(
  client: RtppClient,
  limitMs: number,
  cookies: readonly string[] | undefined,
): Promise<Finding> {
  const outcome = await client.request(formatCommand({ kind: 'version' }), { budgetMs: limitMs });
  if (outcome.kind !== 'reply') {
    const finding = `${formatTransportAddress(client.remote)}: ${describeOutcome(outcome)}`;
    return { outcome: outcome.kind === 'refused' ? 'refused' : 'silent', finding };
  }
  const owner = cookies === undefined ? undefined : controlOwner(client);
  if (cookies !== undefined && owner !== undefined && !processesWithEnvironment(cookies).includes(owner.pid)) {
    return { outcome: 'silent', finding: `${describeOwner(owner)} answers in its place` };
  }
  return { outcome: 'answered', finding: '' };
}

/** One OPTIONS to the address that the IMS is expected on and to the loopback one, whichever answers. */
export async function checkIms({ loaded, address }: LaunchSetup, limitMs: number): Promise<Finding> {
  const port = loaded.config.SERVER_PORT;
  const loopback = familyOf(address.bind) === 6 ? '::1' : '127.0.0.1';
  const targets = [...new Set([address.bind, loopback])].map((target) => ({ address: target, port }));
  const outcomes = await Promise.all(
    targets.map(async (target) => ({ target, outcome: await pingSipOptions(target, limitMs) })),
  );
  if (outcomes.some(({ outcome }) => outcome === 'answered')) {
    return { outcome: 'answered', finding: '' };
  }
  return {
    outcome: outcomes.every(({ outcome }) => outcome === 'refused') ? 'refused' : 'silent',
    finding: outcomes
      .map(({ target, outcome }) => `SIP OPTIONS to ${formatTransportAddress(target)}: ${WORDS[outcome]}`)
      .join('; '),
  };
}

const WORDS = {
  answered: 'answered',
  refused: 'nobody listens',
  silent: 'no answer',
} as const satisfies Record<CheckOutcome, string>;

/** A found relay that grants no ports: the address that it was told to open them on, if that is none of this host. */
export function strangeMediaAddress(client: RtppClient): string | undefined {
  const command = controlOwner(client)?.command ?? '';
  // A command line that was cut off may end within the address.
  const asked = command.length < MAX_COMMAND_LENGTH ? / -[l6] ?([^\s@=/]+)/.exec(command)?.[1] : undefined;
  return asked === undefined || familyOf(asked) === undefined || isWildcard(asked) || isLocalAddress(asked)
    ? undefined
    : asked;
}

function versionOf({ version, ecode }: { version: string | undefined; ecode: number | undefined }): string {
  return version === undefined ? `an RTPP relay that answers E${ecode}` : `RTPP version ${version}`;
}

function controlOwner(client: RtppClient) {
  return portOwner('udp', client.remote.port, client.remote.address);
}

function ownerOf(client: RtppClient): string {
  return describeOwner(controlOwner(client));
}
