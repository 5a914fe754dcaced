/**
 * Does the relay forward? A session is made, two parties send RTP and RTCP to each other through the ports that
 * the relay granted, and what comes out is compared with what went in.
 *
 * ```
 *  caller ──► port of L ─┐       ┌─ port of U ──► callee
 *  caller ◄── port of L ─┘ relay └─ port of U ◄── callee        RTCP the same, one port higher
 * ```
 */
import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { MediaEndpoint } from '../../io/media-endpoint.ts';
import type { RtppClient } from '../../io/rtpp-client-driver.ts';
import { isLocalAddress } from '../../io/server-address.ts';
import type { RetryPolicy } from '../../rtpp-client/policy.ts';
import { type AddressFamily, familyOf, sameAddress, type TransportAddress } from '../../wire/ip-address.ts';
import { boundMediaAddress } from './address.ts';
import { findingsOf } from './findings.ts';
import { FlowRecorder, type FlowSource, rtcpPacketOf, rtpPacketOf } from './flow.ts';
import { type GrantedLeg, ProbeSession } from './probe-session.ts';
import {
  type AdvertisedProof,
  failedProof,
  type MediaProof,
  otherParty,
  type ProofFailure,
  type ProofParty,
} from './proof.ts';

export interface MediaProbeOptions {
  readonly client: RtppClient;
  /** A word in the call id, for the relay's log. */
  readonly purpose: string;
  /** What makes the call id unique; random unless told. */
  readonly id?: string | undefined;
  /** Ends the proof early; its session is deleted at once. */
  readonly signal?: AbortSignal | undefined;
  /** Of the relay's address that is asked for. A relay that has only the other one is proved with that. */
  readonly family: AddressFamily;
  /** RTP packets each way. */
  readonly packets: number;
  /** RTCP packets each way, spread over the RTP packets; at most as many as these. */
  readonly rtcpPackets: number;
  /** From one RTP packet to the next. */
  readonly intervalMs: number;
  /** How long after the last packet the rest may still arrive. */
  readonly settleMs: number;
  /** How much of each direction must arrive, 0–1. One packet must in any case. */
  readonly requiredShare: number;
  /** Try the advertised address as well: `local`, only when it is an address of this host. */
  readonly advertised: 'never' | 'local' | 'always';
  /** Send to a media address of another host. */
  readonly allowRemote: boolean;
  /** Local address of the relay's media ports, where it is known; else it is found out. */
  readonly mediaAddress?: string | undefined;
  readonly retry: Partial<RetryPolicy>;
}

type ProbePlan = Omit<MediaProbeOptions, 'client' | 'mediaAddress' | 'id' | 'signal'>;

/** What `verify` does: a quarter of a second of packets, losing hardly one. */
export const THOROUGH_PROOF = {
  purpose: 'verify',
  family: 4,
  packets: 50,
  rtcpPackets: 5,
  intervalMs: 5,
  settleMs: 500,
  requiredShare: 0.9,
  advertised: 'local',
  allowRemote: false,
  retry: {},
} as const satisfies ProbePlan;

/** Readiness and health: five packets each way, one of which must come through, within half a second. */
export const QUICK_PROOF = {
  purpose: 'health',
  family: 4,
  packets: 5,
  rtcpPackets: 2,
  // Every start and every restart of a relay waits for it.
  intervalMs: 2,
  settleMs: 500,
  requiredShare: 0.2,
  advertised: 'never',
  allowRemote: false,
  retry: { firstMs: 250, budgetMs: 1000 },
} as const satisfies ProbePlan;

/** Packets each way to the advertised address. */
const ADVERTISED_PACKETS = 5;

/**
 * Never rejects for what relay and network do: that is a finding. Bounded by the budgets of at most four commands,
 * the packets' pace and `settleMs`. The session is deleted whatever happens.
 */
export async function proveMedia(options: MediaProbeOptions): Promise<MediaProof> {
  const call = await openCall(options, true);
  try {
    if ('failure' in call) {
      return failedProof(call.failure, call.finding);
    }
    const directions = [new Direction('caller', call), new Direction('callee', call)] as const;
    await exchange(directions, options);
    const proofs = [
      ...directions.map((direction) => direction.rtp.proof(options.requiredShare)),
      ...directions.map((direction) => direction.rtcp.proof(options.requiredShare)),
    ];
    const { callerTold } = call;
    return {
      ok: proofs.every((proof) => proof.ok),
      rtpOk: proofs.every((proof) => proof.ok || proof.component === 'rtcp'),
      findings: findingsOf(proofs, call.media, call.sendErrors()),
      failure: undefined,
      directions: proofs,
      media: call.media,
      advertised: callerTold === undefined ? undefined : await proveAdvertised(options, call, callerTold),
    };
  } finally {
    if ('close' in call) {
      await call.close();
    }
  }
}

/** Why there is no call to send through. */
interface NoCall {
  readonly failure: ProofFailure;
  readonly finding: string;
}

/** A session with both legs open and both parties' sockets. */
interface ProbeCall {
  readonly callId: string;
  /** Where each party sends its RTP. */
  readonly media: Readonly<Record<ProofParty, TransportAddress>>;
  readonly endpoints: Readonly<Record<ProofParty, MediaEndpoint>>;
  /** Who counts what each party receives; set before the first packet is sent. */
  readonly directionTo: Map<ProofParty, Direction>;
  /** The address that the relay told with the caller's port. */
  readonly callerTold: string | undefined;
  sendErrors(): string[];
  close(): Promise<void>;
}

/**
 * `signalled`: the relay is told where the parties are; otherwise it has to learn from their first packets.
 * When it does not come about, nothing is left open.
 */
async function openCall(options: MediaProbeOptions, signalled: boolean): Promise<ProbeCall | NoCall> {
  const session = new ProbeSession(options);
  // Not only at the end of the proof: whoever aborts it may not live that long.
  const abort = (): void => void session.delete();
  options.signal?.addEventListener('abort', abort, { once: true });
  const opened: MediaEndpoint[] = [];
  const directionTo = new Map<ProofParty, Direction>();
  const close = async (): Promise<void> => {
    for (const endpoint of opened) {
      endpoint.close();
    }
    await session.delete();
    options.signal?.removeEventListener('abort', abort);
  };
  const openEndpoint = async (party: ProofParty, relay: string): Promise<MediaEndpoint> => {
    // The relay's own address reaches it, wherever it is bound; a relay elsewhere is met as its control socket is.
    const local = isLocalAddress(relay) ? relay : options.client.local.address;
    const endpoint = await MediaEndpoint.open(local, (component, bytes, from, at) => {
      if (sameAddress(from.address, relay)) {
        directionTo.get(party)?.[component].noteReceived(bytes, from.port, at);
      }
    });
    opened.push(endpoint);
    return endpoint;
  };
  const fail = async (why: NoCall): Promise<NoCall> => {
    await close();
    return why;
  };

  try {
    // The first offer names no address: where the callee's leg is bound decides where the sockets can be.
    const offered = await session.offer();
    if (!offered.ok) {
      return await fail(offered.error);
    }
    const calleeTarget = targetOf(options, offered.value);
    const refusal = remoteRefusal(options, calleeTarget);
    if (refusal !== undefined) {
      return await fail(refusal);
    }
    const callee = await openEndpoint('callee', calleeTarget.address);
    const answered = await session.answer(signalled ? callee.rtpAddress : undefined);
    if (!answered.ok) {
      return await fail(answered.error);
    }
    const callerTarget = targetOf(options, answered.value);
    const callerRefusal = remoteRefusal(options, callerTarget);
    if (callerRefusal !== undefined) {
      return await fail(callerRefusal);
    }
    const caller = await openEndpoint('caller', callerTarget.address);
    if (signalled) {
      const updated = await session.offer(caller.rtpAddress);
      if (!updated.ok) {
        return await fail(updated.error);
      }
    }
    return {
      callId: session.callId,
      media: { caller: callerTarget, callee: calleeTarget },
      endpoints: { caller, callee },
      directionTo,
      callerTold: answered.value.told,
      sendErrors: () => [
        ...new Set(opened.flatMap(({ sendError }) => (sendError === undefined ? [] : [sendError.message]))),
      ],
      close,
    };
  } catch (error) {
    return await fail({ failure: 'no-socket', finding: `no sockets for the probe: ${(error as Error).message}` });
  }
}

function targetOf({ client, mediaAddress }: MediaProbeOptions, { port, told }: GrantedLeg): TransportAddress {
  return { address: mediaAddress ?? boundMediaAddress({ port, told, control: client.remote }), port };
}

function remoteRefusal({ allowRemote }: MediaProbeOptions, { address }: TransportAddress): NoCall | undefined {
  if (allowRemote || isLocalAddress(address)) {
    return undefined;
  }
  return {
    failure: 'elsewhere',
    finding: `the relay's media address ${address} is not one of this host, and no packets are sent elsewhere unasked; run verify on the relay's host, or allow it (--allow-remote)`,
  };
}

/** What one party sends, and what the other receives of it. */
class Direction {
  readonly from: ProofParty;
  readonly rtp: FlowRecorder;
  readonly rtcp: FlowRecorder;
  readonly #source: FlowSource;
  readonly #endpoint: MediaEndpoint;
  readonly #to: TransportAddress;

  /** `to`: where packets are sent if not to the bound address. */
  constructor(from: ProofParty, call: ProbeCall, to: TransportAddress = call.media[from]) {
    const { port } = call.media[otherParty(from)];
    this.from = from;
    this.rtp = new FlowRecorder(from, 'rtp', port);
    this.rtcp = new FlowRecorder(from, 'rtcp', port + 1);
    this.#source = {
      from,
      tag: call.callId,
      ssrc: randomInt(1, 2 ** 32),
      // Near the wrap, so that each proof crosses it.
      firstSequenceNumber: 65_533,
      firstTimestamp: randomInt(2 ** 32),
    };
    this.#endpoint = call.endpoints[from];
    this.#to = to;
    call.directionTo.set(otherParty(from), this);
  }

  sendRtp(): void {
    this.#send('rtp', rtpPacketOf(this.#source, this.rtp.sent));
  }

  sendRtcp(): void {
    this.#send('rtcp', rtcpPacketOf(this.#source, this.rtcp.sent, this.rtp.sent, Date.now()));
  }

  get complete(): boolean {
    return this.rtp.received === this.rtp.sent && this.rtcp.received === this.rtcp.sent;
  }

  #send(component: 'rtp' | 'rtcp', bytes: Uint8Array): void {
    this[component].noteSent(bytes, performance.now());
    this.#endpoint.send(component, bytes, this.#to);
  }
}

type Pace = Pick<MediaProbeOptions, 'packets' | 'rtcpPackets' | 'intervalMs' | 'settleMs' | 'signal'>;

async function exchange(directions: readonly Direction[], pace: Pace): Promise<void> {
  const { packets, rtcpPackets, intervalMs, settleMs, signal } = pace;
  const startedAt = performance.now();
  for (let index = 0; index < packets && signal?.aborted !== true; index++) {
    for (const direction of directions) {
      direction.sendRtp();
      if (direction.rtcp.sent < Math.ceil(((index + 1) * rtcpPackets) / packets)) {
        direction.sendRtcp();
      }
    }
    await sleep(Math.max(0, startedAt + (index + 1) * intervalMs - performance.now()));
  }
  const deadline = performance.now() + settleMs;
  const isOver = (): boolean => signal?.aborted === true || directions.every((direction) => direction.complete);
  while (performance.now() < deadline && !isOver()) {
    await sleep(SETTLE_POLL_MS);
  }
}

const SETTLE_POLL_MS = 5;

/** A second session, whose legs learn: what comes in through a NAT has another source than the one signalled. */
async function proveAdvertised(options: MediaProbeOptions, main: ProbeCall, told: string): Promise<AdvertisedProof> {
  const untried = { address: told, sent: 0, received: 0 };
  if (sameAddress(told, main.media.caller.address)) {
    return { ...untried, kind: 'bound' };
  }
  const mayTry = options.advertised === 'always' || (options.advertised === 'local' && isLocalAddress(told));
  if (!mayTry || familyOf(told) !== familyOf(main.media.caller.address)) {
    return { ...untried, kind: 'not-tried' };
  }
  const call = await openCall(options, false);
  if ('failure' in call) {
    return { ...untried, kind: 'unreached' };
  }
  try {
    const directions = (['caller', 'callee'] as const).map(
      (from) => new Direction(from, call, { address: told, port: call.media[from].port }),
    );
    await exchange(directions, { ...options, packets: ADVERTISED_PACKETS, rtcpPackets: 0 });
    const sent = directions.reduce((sum, { rtp }) => sum + rtp.sent, 0);
    const received = directions.reduce((sum, { rtp }) => sum + rtp.received, 0);
    return { address: told, kind: received > 0 ? 'reached' : 'unreached', sent, received };
  } finally {
    await call.close();
  }
}
