/** The part of the program that counts a packet which leaves: sequence, duplicates, gaps and jitter of its flow. */
import type { Assembler } from '../../linux/bpf/assembler.ts';
import { FLOW } from './flow-layout.ts';
import { SLOT } from './slot-layout.ts';

/** A step further than this begins a new run; as in `relay/media/analysis.ts`, with which the counters are added up. */
const MAX_JUMP = 536;
/** Runs begin two cycles up, so that packets from before the first one do not become negative. */
const FIRST_CYCLE = 0x20000;
/** Sequence numbers whose arrival is remembered. */
const WINDOW_BITS = 64;

/** A change of the transit time is counted as at most this many units; sixteen times as much still fits 31 bits. */
const MAX_TRANSIT = 0x7000000;
/** After a silence of this many bits of nanoseconds (18 minutes) jitter begins anew: the product below has 64 bits. */
const MAX_SILENCE_BITS = 40;
const NS_PER_SECOND = 1_000_000_000;

export interface CountingFrame {
  readonly now: number;
  readonly rtp: number;
  readonly payloadBytes: number;
}

/** From label `sent` on. r8 flow, r9 slot; r7 becomes the time. */
export function countRtp(a: Assembler, frame: CountingFrame): void {
  a.label('sent').load('u64', 'r7', 'r10', frame.now);
  a.mov('r1', 1).atomicAdd('u64', 'r9', SLOT.packets, 'r1');
  a.load('u64', 'r1', 'r10', frame.payloadBytes).atomicAdd('u64', 'r9', SLOT.bytes, 'r1');
  countGap(a);
  countSequence(a, frame);
  measureJitter(a, frame);
  a.label('counted');
}

function countGap(a: Assembler): void {
  a.load('u64', 'r1', 'r9', SLOT.lastSeenNs)
    .store('u64', 'r9', SLOT.lastSeenNs, 'r7')
    .jumpIf('eq', 'r1', 0, 'sequence')
    .mov('r2', 'r7')
    .alu('sub', 'r2', 'r1')
    .load('u64', 'r3', 'r9', SLOT.longestGapNs)
    // Signed: another processor may have been here a little later.
    .jumpIf('sle', 'r2', 'r3', 'sequence')
    .store('u64', 'r9', SLOT.longestGapNs, 'r2');
}

/** r1 sequence number, r2 marker, r3 highest, r4 step from it, r5 what is at work. */
function countSequence(a: Assembler, frame: CountingFrame): void {
  a.label('sequence')
    .load('u16', 'r1', 'r10', frame.rtp + 2)
    .swap(16, 'r1')
    .load('u8', 'r2', 'r10', frame.rtp + 1)
    .alu('and', 'r2', 0x80)
    .load('u32', 'r3', 'r9', SLOT.highest)
    .jumpIf('eq', 'r3', 0, 'new_run')
    .mov('r4', 'r1')
    .alu('sub', 'r4', 'r3')
    .alu('lsh', 'r4', 48)
    .alu('arsh', 'r4', 48)
    .jumpIf('sgt', 'r4', MAX_JUMP, 'close_run')
    .jumpIf('slt', 'r4', -MAX_JUMP, 'close_run')
    .jumpIf('sgt', 'r4', 0, 'ahead')
    .jumpIf('eq', 'r4', 0, 'behind')
    .jumpIf('eq', 'r2', 0, 'behind')
    // A marked packet from before begins a talkspurt of a sender that has started anew.
    .label('close_run')
    .load('u32', 'r4', 'r9', SLOT.lowest)
    .mov('r5', 'r3')
    .alu('sub', 'r5', 'r4')
    .alu('add', 'r5', 1)
    .load('u64', 'r4', 'r9', SLOT.sentInClosedRuns)
    .alu('add', 'r4', 'r5')
    .store('u64', 'r9', SLOT.sentInClosedRuns, 'r4')
    .label('new_run')
    .alu('add', 'r1', FIRST_CYCLE)
    .store('u32', 'r9', SLOT.highest, 'r1')
    .store('u32', 'r9', SLOT.lowest, 'r1')
    .store('u64', 'r9', SLOT.window, 1)
    .jump('jitter');
  a.label('ahead')
    .alu('add', 'r3', 'r4')
    .store('u32', 'r9', SLOT.highest, 'r3')
    .load('u64', 'r5', 'r9', SLOT.window)
    .jumpIf('lt', 'r4', WINDOW_BITS, 'shift')
    .mov('r5', 0)
    .jump('remember')
    .label('shift')
    .alu('lsh', 'r5', 'r4')
    .label('remember')
    .alu('or', 'r5', 1)
    .store('u64', 'r9', SLOT.window, 'r5')
    .jump('jitter');
  a.label('behind')
    .neg('r4')
    .load('u32', 'r5', 'r9', SLOT.lowest)
    .alu('sub', 'r3', 'r4')
    .jumpIf('ge', 'r3', 'r5', 'seen')
    .store('u32', 'r9', SLOT.lowest, 'r3')
    .label('seen')
    .jumpIf('ge', 'r4', WINDOW_BITS, 'jitter')
    .mov('r3', 1)
    .alu('lsh', 'r3', 'r4')
    .load('u64', 'r5', 'r9', SLOT.window)
    .mov('r2', 'r5')
    .alu('and', 'r2', 'r3')
    .alu('or', 'r5', 'r3')
    .store('u64', 'r9', SLOT.window, 'r5')
    .jumpIf('eq', 'r2', 0, 'jitter')
    .mov('r1', 1)
    .atomicAdd('u64', 'r9', SLOT.duplicates, 'r1');
}

/** RFC 3550 A.8, in integers. Packets of one timestamp (a picture's) are one. r1 timestamp, r2 arrival before, r3 the difference. */
function measureJitter(a: Assembler, frame: CountingFrame): void {
  a.label('jitter')
    .load('u32', 'r1', 'r10', frame.rtp + 4)
    .swap(32, 'r1')
    .load('u32', 'r4', 'r9', SLOT.lastTimestamp)
    .load('u64', 'r2', 'r9', SLOT.lastArrivalNs)
    .jumpIf('eq', 'r2', 0, 'arrived')
    .jumpIf('eq', 'r4', 'r1', 'counted')
    .mov('r3', 'r7')
    .alu('sub', 'r3', 'r2')
    .mov('r2', 'r3')
    .alu('rsh', 'r2', MAX_SILENCE_BITS)
    .jumpIf('ne', 'r2', 0, 'arrived')
    .load('u32', 'r2', 'r8', FLOW.clockRateHz)
    .alu('mul', 'r3', 'r2')
    .alu('div', 'r3', NS_PER_SECOND)
    .mov('r2', 'r1')
    .alu('sub', 'r2', 'r4')
    .alu('lsh', 'r2', 32)
    .alu('arsh', 'r2', 32)
    .alu('sub', 'r3', 'r2')
    .jumpIf('sge', 'r3', 0, 'positive')
    .neg('r3')
    .label('positive')
    .jumpIf('le', 'r3', MAX_TRANSIT, 'smooth')
    .mov('r3', MAX_TRANSIT)
    .label('smooth')
    .load('u32', 'r2', 'r9', SLOT.jitter)
    .mov('r5', 'r2')
    .alu('add', 'r5', 8)
    .alu('rsh', 'r5', 4)
    .alu('sub', 'r2', 'r5')
    .alu('add', 'r2', 'r3')
    .store('u32', 'r9', SLOT.jitter, 'r2')
    .load('u32', 'r3', 'r9', SLOT.jitterMax)
    .jumpIf('le', 'r2', 'r3', 'sum')
    .store('u32', 'r9', SLOT.jitterMax, 'r2')
    .label('sum')
    .load('u64', 'r3', 'r9', SLOT.jitterSum)
    .alu('add', 'r3', 'r2')
    .store('u64', 'r9', SLOT.jitterSum, 'r3')
    .load('u64', 'r3', 'r9', SLOT.jitterCount)
    .alu('add', 'r3', 1)
    .store('u64', 'r9', SLOT.jitterCount, 'r3')
    .label('arrived')
    .store('u64', 'r9', SLOT.lastArrivalNs, 'r7')
    .store('u32', 'r9', SLOT.lastTimestamp, 'r1');
}
