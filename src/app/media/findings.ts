/** What a set of direction results means, in words that name the cause where the pattern gives it away. */
import { formatTransportAddress, type TransportAddress } from '../../wire/ip-address.ts';
import { type DirectionProof, otherParty, type ProofParty } from './proof.ts';

/** The gravest first; empty when every direction is ok. `media` is where each party sent its RTP. */
export function findingsOf(
  directions: readonly DirectionProof[],
  media: Readonly<Record<ProofParty, TransportAddress>>,
  sendErrors: readonly string[],
): string[] {
  const dead = directions.filter((direction) => direction.received === 0 && direction.altered === 0);
  const findings: string[] = [];
  if (sendErrors.length > 0) {
    findings.push(`this host could not send to the relay: ${sendErrors.join(', ')}`);
  }
  if (dead.length === directions.length) {
    findings.push(
      `nothing passes: the relay granted ${portsOf(media)}, and no packet sent there came out on the other side; ` +
        'a firewall between, or a relay that does not forward',
    );
  } else if (rtcpOnlyIsDead(directions, dead)) {
    findings.push(
      'RTP passes but RTCP does not: the odd ports are not forwarded; open the whole port range, odd ports included',
    );
  } else {
    findings.push(...dead.map((direction) => describeDead(direction, media)));
  }
  for (const direction of directions) {
    findings.push(...flawsOf(direction, media));
  }
  return findings;
}

/** `RTP from caller to callee`. */
export function nameOf(direction: Pick<DirectionProof, 'component' | 'from'>): string {
  return `${direction.component.toUpperCase()} from ${direction.from} to ${otherParty(direction.from)}`;
}

function rtcpOnlyIsDead(directions: readonly DirectionProof[], dead: readonly DirectionProof[]): boolean {
  return (
    dead.length > 0 &&
    dead.every(({ component }) => component === 'rtcp') &&
    dead.length === directions.filter(({ component }) => component === 'rtcp').length
  );
}

function describeDead(direction: DirectionProof, media: Readonly<Record<ProofParty, TransportAddress>>): string {
  const { address, port } = media[direction.from];
  const target = formatTransportAddress({ address, port: direction.component === 'rtp' ? port : port + 1 });
  return `${nameOf(direction)} does not pass: none of ${direction.sent} packets sent to ${target} arrived`;
}

function flawsOf(direction: DirectionProof, media: Readonly<Record<ProofParty, TransportAddress>>): string[] {
  const { sent, received, altered, wrongSource, duplicated, reordered, lost, component, from } = direction;
  const name = nameOf(direction);
  const flaws: string[] = [];
  if (altered > 0) {
    flaws.push(`${name} is altered on its way: ${altered} packets came out that were never sent like that`);
  }
  if (wrongSource > 0) {
    const told = media[otherParty(from)].port + (component === 'rtp' ? 0 : 1);
    flaws.push(
      `${name} arrives from port ${direction.wrongSourcePort} instead of ${told}, the port that the ` +
        `${otherParty(from)} was told: a phone behind NAT will not hear it`,
    );
  }
  if (duplicated > 0) {
    flaws.push(`${name} is doubled: ${duplicated} of ${sent} packets arrived more than once`);
  }
  if (!direction.ok && received > 0 && flaws.length === 0) {
    flaws.push(
      lost > 0
        ? `${name} is lossy: ${lost} of ${sent} packets were lost`
        : `${name} is out of order: ${reordered} of ${received} packets came late`,
    );
  }
  return flaws;
}

function portsOf(media: Readonly<Record<ProofParty, TransportAddress>>): string {
  return `${formatTransportAddress(media.caller)} and ${formatTransportAddress(media.callee)}`;
}
