/** What the kernel's program must make of frames: the same cases for the interpreter and for the kernel. */
import type { PacketFacts } from '../../src/linux/bpf/socket-buffer.ts';
import type { Flow, FlowKey } from '../../src/planes/kernel/flow.ts';
import type { LeftReason } from '../../src/planes/kernel/slot-layout.ts';
import { type FrameParts, type RtpParts, rtpPacket, udpFrame } from './rtp-frames.ts';

export const SSRC = 0x11223344;

interface Parties {
  readonly key: FlowKey;
  readonly flow: Flow;
}

export const IPV4_PARTIES: Parties = {
  key: { family: 4, local: { address: '198.51.100.1', port: 10_000 }, remote: { address: '192.0.2.7', port: 4000 } },
  flow: {
    outIfindex: 3,
    nextHop: undefined,
    source: { address: '198.51.100.2', port: 10_002 },
    destination: { address: '203.0.113.99', port: 50_000 },
    ssrc: SSRC,
    payloadTypes: [0, 8, 111],
    clockRateHz: 8000,
    tos: 184,
    mtu: 1500,
    mark: 0,
    keepOrder: false,
  },
};

export const IPV6_PARTIES: Parties = {
  key: { family: 6, local: { address: '2001:db8::1', port: 10_000 }, remote: { address: '2001:db8:7::7', port: 4000 } },
  flow: {
    ...IPV4_PARTIES.flow,
    source: { address: '2001:db8::2', port: 10_002 },
    destination: { address: '2001:db8:99::c:99', port: 50_000 },
  },
};

export const BOTH_FAMILIES = [IPV4_PARTIES, IPV6_PARTIES] as const;

export interface ProgramCase {
  readonly name: string;
  readonly parties: Parties;
  /** Of the frame that arrives; from and to are the key's unless told. */
  readonly frame?: Partial<FrameParts>;
  readonly rtp?: RtpParts;
  /** In place of RTP. */
  readonly payload?: Uint8Array;
  readonly flow?: Partial<Flow>;
  readonly facts?: PacketFacts;
  /** `sent`: as `sentFrame` makes it. `stack`: as if there were no program. Otherwise left to the socket, and why. */
  readonly outcome: 'sent' | 'stack' | LeftReason;
  /** What TEST_RUN cannot make: a packet in pieces, one that is not for us, one that hardware is to complete. */
  readonly interpreterOnly?: boolean;
}

export function arrivingFrame(the: ProgramCase): Buffer {
  const { key } = the.parties;
  return udpFrame({ from: key.remote, to: key.local, payload: the.payload ?? rtpPacket(the.rtp), ...the.frame });
}

/** The same packet as our own host would send it, with the TTL that is left. */
export function sentFrame(the: ProgramCase): Buffer {
  const flow = { ...the.parties.flow, ...the.flow };
  return udpFrame({
    payload: the.payload ?? rtpPacket(the.rtp),
    ...the.frame,
    from: flow.source,
    to: flow.destination,
    tos: flow.tos,
    ttl: (the.frame?.ttl ?? 64) - 1,
  });
}

/** STUN binding request (RFC 8489 5) and the beginning of a DTLS handshake record (RFC 6347 4.1). */
const STUN = Buffer.from('000100002112a442000102030405060708090a0b', 'hex');
const DTLS = Buffer.from('16fefd00000000000000000030010000240000000000000024fefd', 'hex');

export const PROGRAM_CASES: readonly ProgramCase[] = BOTH_FAMILIES.flatMap((parties): readonly ProgramCase[] => {
  const { key } = parties;
  const of = (name: string): string => `IPv${key.family}: ${name}`;
  const stranger = { ...key.remote, port: key.remote.port + 1 };
  return [
    { name: of('RTP of the flow is sent on'), parties, outcome: 'sent' },
    { name: of('payload of odd length'), parties, rtp: { payload: Buffer.from('abc') }, outcome: 'sent' },
    { name: of('no payload at all'), parties, rtp: { payload: Buffer.alloc(0) }, outcome: 'sent' },
    { name: of('the marker is no payload type'), parties, rtp: { marker: true, payloadType: 8 }, outcome: 'sent' },
    { name: of('a type of the upper half'), parties, rtp: { payloadType: 111 }, outcome: 'sent' },
    { name: of('a type that is not the flow’s'), parties, rtp: { payloadType: 101 }, outcome: 'payload-type' },
    { name: of('its neighbour in the bitmap'), parties, rtp: { payloadType: 47 }, outcome: 'payload-type' },
    { name: of('RTCP whose bit would be that of type 0'), parties, rtp: { payloadType: 64 }, outcome: 'payload-type' },
    { name: of('RTCP on the RTP port'), parties, payload: rtcp(), outcome: 'payload-type' },
    { name: of('another SSRC'), parties, rtp: { ssrc: SSRC + 1 }, outcome: 'ssrc' },
    { name: of('STUN'), parties, payload: STUN, outcome: 'no-rtp' },
    { name: of('DTLS'), parties, payload: DTLS, outcome: 'no-rtp' },
    { name: of('RTP of version 1'), parties, payload: version1(), outcome: 'no-rtp' },
    {
      name: of('eleven bytes, in a padded frame'),
      parties,
      payload: rtpPacket().subarray(0, 11),
      frame: { padding: 9 },
      outcome: 'no-rtp',
    },
    { name: of('too short for RTP and the frame ends there'), parties, payload: Buffer.alloc(4), outcome: 'stack' },
    { name: of('another source port'), parties, frame: { from: stranger }, outcome: 'stack' },
    {
      name: of('another source address'),
      parties,
      frame: { from: { ...key.remote, address: parties.flow.destination.address } },
      outcome: 'stack',
    },
    { name: of('another port of ours'), parties, frame: { to: { ...key.local, port: 10_001 } }, outcome: 'stack' },
    { name: of('the last hop'), parties, frame: { ttl: 1 }, outcome: 'ttl' },
    { name: of('one hop is left'), parties, frame: { ttl: 2 }, outcome: 'sent' },
    { name: of('TCP'), parties, frame: { protocol: 6 }, outcome: 'stack' },
    { name: of('UDP says more than there is'), parties, frame: { extraUdpLength: 1 }, outcome: 'stack' },
    { name: of('UDP says less than there is'), parties, frame: { extraUdpLength: -1 }, outcome: 'stack' },
    { name: of('a padded frame'), parties, frame: { padding: 6 }, outcome: 'sent' },
    { name: of('the mark of a sender is replaced'), parties, frame: { tos: 0x2e }, outcome: 'sent' },
    { name: of('a flow without a mark'), parties, frame: { tos: 0xff }, flow: { tos: 0 }, outcome: 'sent' },
    { name: of('as long as the way out carries'), parties, flow: { mtu: longOf(key) }, outcome: 'sent' },
    { name: of('a byte longer'), parties, flow: { mtu: longOf(key) - 1 }, outcome: 'too-long' },
    { name: of('summed up by hardware'), parties, facts: { checksum: 'complete' }, outcome: 'sent' },
    {
      name: of('summed up by hardware, odd length, ports and addresses that carry'),
      parties,
      facts: { checksum: 'complete' },
      rtp: { payload: Buffer.alloc(33, 0xff) },
      outcome: 'sent',
    },
    {
      name: of('the checksum is still to be computed'),
      parties,
      facts: { checksum: 'partial' },
      frame: { udpChecksum: 'pseudo' },
      outcome: 'sent',
      interpreterOnly: true,
    },
    { name: of('several packets in one'), parties, facts: { gsoSize: 172 }, outcome: 'stack' },
    {
      name: of('only the Ethernet header in one piece'),
      parties,
      facts: { linearBytes: 14 },
      outcome: 'sent',
      interpreterOnly: true,
    },
    { name: of('for another host'), parties, facts: { packetType: 3 }, outcome: 'stack', interpreterOnly: true },
    { name: of('in a VLAN'), parties, facts: { vlanPresent: true }, outcome: 'stack', interpreterOnly: true },
  ];
}).concat([
  {
    name: 'IPv4: without a checksum of UDP it stays without',
    parties: IPV4_PARTIES,
    frame: { udpChecksum: 'none' },
    outcome: 'sent',
  },
  {
    name: 'IPv6: a checksum is mandatory, the kernel says what is to be done',
    parties: IPV6_PARTIES,
    frame: { udpChecksum: 'none' },
    outcome: 'no-checksum',
  },
  { name: 'IPv4: options', parties: IPV4_PARTIES, frame: { options: Buffer.alloc(4, 1) }, outcome: 'stack' },
  { name: 'IPv4: the first fragment', parties: IPV4_PARTIES, frame: { fragment: 0x2000 }, outcome: 'stack' },
  { name: 'IPv4: a later fragment', parties: IPV4_PARTIES, frame: { fragment: 0x0004 }, outcome: 'stack' },
  { name: 'IPv4: may be fragmented', parties: IPV4_PARTIES, frame: { fragment: 0 }, outcome: 'sent' },
  { name: 'IPv6: a fragment header', parties: IPV6_PARTIES, frame: { protocol: 44 }, outcome: 'stack' },
  { name: 'IPv6: hop-by-hop options', parties: IPV6_PARTIES, frame: { protocol: 0 }, outcome: 'stack' },
  { name: 'IPv6: the flow label stays', parties: IPV6_PARTIES, frame: { flowLabel: 0xabcde }, outcome: 'sent' },
]);

function rtcp(): Buffer {
  const report = Buffer.alloc(28);
  report[0] = 0x80;
  report[1] = 200;
  report.writeUInt16BE(6, 2);
  report.writeUInt32BE(SSRC, 8);
  return report;
}

function version1(): Buffer {
  const packet = rtpPacket();
  packet[0] = 0x40;
  return packet;
}

/** Of a packet as `rtpPacket` makes it by itself. */
function longOf({ family }: FlowKey): number {
  return (family === 4 ? 20 : 40) + 8 + 32;
}
