/** `ims-launch verify`: real packets through the relay, a table of what came out, and an exit status. */
import { Command, InvalidArgumentError } from 'commander';
import { proveMedia, THOROUGH_PROOF } from '../app/media/probe.ts';
import type { MediaProof } from '../app/media/proof.ts';
import { workingDirectory } from '../app/working-directory.ts';
import { loadConfig } from '../config/load.ts';
import { ImsError } from '../errors.ts';
import { describeOwner, portOwner } from '../io/port-owner.ts';
import { openRtppClient, type RtppClient, type RtppClientTarget } from '../io/rtpp-client-driver.ts';
import { isLocalAddress } from '../io/server-address.ts';
import { CAPABILITIES } from '../rtpp/capabilities.ts';
import { describeEcode } from '../rtpp/ecodes.ts';
import { parseRelayAddress } from '../rtpp/relay-address.ts';
import type { ProbeVerdict } from '../rtpp-client/probe.ts';
import { assertNever } from '../wire/assert-never.ts';
import { formatReport } from './verify-report.ts';

interface VerifyOptions {
  readonly target?: RtppClientTarget;
  readonly count: number;
  readonly json?: boolean;
  readonly config?: string;
  readonly ipv6?: boolean;
  readonly allowRemote?: boolean;
  readonly tryAdvertised?: boolean;
}

/** RTP packets each way, five milliseconds apart: the largest count takes 50 s. */
const MAX_COUNT = 10_000;

/** Prints to stdout. @throws ImsError exit status 1 unless RTP and RTCP pass both ways. */
export function verifyCommand(): Command {
  return new Command('verify')
    .description(
      'send RTP and RTCP through the relay, both ways, and check what comes out; exit status 0 when all works',
    )
    .option(
      '-t, --target <CONTROL>',
      'control socket of any relay that speaks RTPP: udp:HOST:PORT, udp6:, tcp:, tcp6:, unix:PATH, cunix:PATH',
      parseTarget,
    )
    .option('-n, --count <n>', 'RTP packets each way', parseCount, THOROUGH_PROOF.packets)
    .option('--json', 'print the result as one JSON object')
    .option('-c, --config <path>', 'configuration file that names the relay when --target does not')
    .option('-6, --ipv6', 'through the relay’s IPv6 address')
    .option('--allow-remote', 'send to a media address that is not one of this host')
    .option('--try-advertised', 'send to the advertised address, too, even when it is not one of this host')
    .action(async (_options: unknown, command: Command) => {
      await verify(command.optsWithGlobals<VerifyOptions>());
    });
}

async function verify(options: VerifyOptions): Promise<void> {
  const target = options.target ?? relayOf(options.config);
  const client = await openRtppClient(target);
  try {
    const verdict = await client.probe();
    if (verdict.kind !== 'rtpproxy') {
      const finding = describeAbsence(verdict, client);
      if (options.json === true) {
        printJson(client, undefined, { ok: false, findings: [finding] });
      }
      throw new ImsError('IMS_ERR_VERIFY_NO_RELAY', finding);
    }
    const relay = describeRelay(verdict, client);
    const proof = await proveMedia({
      ...THOROUGH_PROOF,
      client,
      family: options.ipv6 === true ? 6 : THOROUGH_PROOF.family,
      packets: options.count,
      rtcpPackets: Math.min(options.count, THOROUGH_PROOF.rtcpPackets),
      allowRemote: options.allowRemote === true,
      advertised: options.tryAdvertised === true ? 'always' : THOROUGH_PROOF.advertised,
    });
    if (options.json === true) {
      printJson(client, relay, proof);
    } else {
      process.stdout.write(formatReport(nameOf(client), relay, proof, process.stdout.isTTY === true));
    }
    if (!proof.ok) {
      throw new ImsError('IMS_ERR_VERIFY_FAILED', proof.findings.join('\n'));
    }
  } finally {
    await client.close();
  }
}

function relayOf(path: string | undefined): RtppClientTarget {
  const { config } = loadConfig({ path, env: process.env, flags: {}, cwd: workingDirectory() });
  const { host, port } = config.relay;
  return { host, port };
}

function parseTarget(text: string): RtppClientTarget {
  const address = parseRelayAddress(text);
  if (!address.ok) {
    throw new InvalidArgumentError(`${address.error}; for example udp:127.0.0.1:7722.`);
  }
  return { control: text };
}

function parseCount(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1 || count > MAX_COUNT) {
    throw new InvalidArgumentError(`expected a number from 1 to ${MAX_COUNT}.`);
  }
  return count;
}

function describeRelay(
  { version, ecode, capabilities }: Extract<ProbeVerdict, { kind: 'rtpproxy' }>,
  client: RtppClient,
): string {
  const spoken =
    version === undefined
      ? `answers V with ${describeEcode(ecode ?? 0)}`
      : `RTPP ${version}, ${capabilities.length} of ${CAPABILITIES.length} capabilities`;
  return `${spoken}${ownerOf(client, ', ')}`;
}

function describeAbsence(verdict: Exclude<ProbeVerdict, { kind: 'rtpproxy' }>, client: RtppClient): string {
  const where = nameOf(client);
  switch (verdict.kind) {
    case 'absent':
      return `no relay answers on ${where}: connection refused`;
    case 'silent':
      return `no relay answers on ${where}: the port is silent${ownerOf(client, '; it is held by ')}`;
    case 'foreign':
      return `what answers on ${where} is no RTPP relay${ownerOf(client, ' but ')}: ${JSON.stringify(verdict.answer)}`;
    default:
      return assertNever(verdict);
  }
}

/** Over UDP as `udp 127.0.0.1:7722`; the other transports are part of the name. */
function nameOf({ name }: RtppClient): string {
  return isUdp(name) ? `udp ${name}` : name;
}

function isUdp(name: string): boolean {
  return !/^(c?unix|tcp6?):/.test(name);
}

function ownerOf({ name, remote }: RtppClient, prefix: string): string {
  const protocol = isUdp(name) ? 'udp' : 'tcp';
  const isHere = remote.port !== 0 && isLocalAddress(remote.address);
  const owner = isHere ? portOwner(protocol, remote.port, remote.address) : undefined;
  return owner === undefined ? '' : `${prefix}${describeOwner(owner)}`;
}

function printJson(
  client: RtppClient,
  relay: string | undefined,
  proof: Partial<MediaProof> & Pick<MediaProof, 'ok' | 'findings'>,
): void {
  const report = { control: client.name, relay: relay ?? null, ...proof };
  process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
}
