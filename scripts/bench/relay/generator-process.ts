/** The load generator as a process: orders by IPC; between two orders it sends and reads without pause. */
import { assertNever } from '../../../src/wire/assert-never.ts';
import { type CallCounts, Generator } from './generator.ts';
import { type Answer, type Measured, type Numbered, type Order, TOO_LATE_MS } from './orders.ts';
import { setNice } from './priority.ts';
import { type CpuReading, costBetween, ksoftirqdPids, machineBusyMs, readCpu, type TaskCost } from './process-cost.ts';

/** A run is over when nothing has arrived for so long, and after `MAX_DRAIN_MS` in any case. */
const QUIET_MS = 300;
const MAX_DRAIN_MS = 8000;
/** Ticks between two looks at the event loop. */
const TICKS = 4;
/** Before the relay where both want the CPU: what it is offered must not depend on it. */
const NICE = -10;

interface Window {
  readonly pids: readonly number[];
  readonly startedAt: number;
  readonly relay: CpuReading;
  readonly own: NodeJS.CpuUsage;
  readonly busyMs: number;
  readonly ksoftirqd: CpuReading;
}

let generator: Generator | undefined;
let window: Window | undefined;
/** Things that wait for a time or for what makes waiting needless: looked at between ticks. */
const waiting: { readonly at: number; readonly early?: () => boolean; readonly act: () => void }[] = [];

function carryOut({ id, message: order }: Numbered<Order>): void {
  const answer = (message: Answer): void => void process.send?.({ id, message } satisfies Numbered<Answer>);
  if (order.kind === 'open') {
    const opened = new Generator(order.options);
    generator = opened;
    run(opened);
    answer({ kind: 'open', ports: Array.from({ length: order.options.capacity }, (_, slot) => opened.portsOf(slot)) });
    return;
  }
  const active = opened();
  switch (order.kind) {
    case 'start':
      for (const call of order.calls) {
        active.start(call);
      }
      answer({ kind: 'start' });
      break;
    case 'stop':
      for (const slot of order.slots) {
        active.stop(slot);
      }
      waiting.push({
        at: performance.now() + order.drainMs,
        early: () => order.slots.every((slot) => isComplete(active.countsOf(slot))),
        act: () => answer({ kind: 'stop', counts: order.slots.map((slot) => active.countsOf(slot)) }),
      });
      break;
    case 'mark':
      active.readAll();
      if (order.rtpIntervalUs !== undefined) {
        active.pace(order.rtpIntervalUs);
      }
      active.mark();
      window = {
        pids: order.pids,
        startedAt: performance.now(),
        relay: readCpu(order.pids),
        own: process.cpuUsage(),
        busyMs: machineBusyMs(),
        ksoftirqd: readCpu(ksoftirqdPids()),
      };
      answer({ kind: 'mark' });
      break;
    case 'finish':
      finish(active, order.resumable, (measured) => answer({ kind: 'finish', measured }));
      break;
    default:
      assertNever(order);
  }
}

function opened(): Generator {
  if (generator === undefined) {
    throw new Error('the first order is to open');
  }
  return generator;
}

function run(active: Generator): void {
  const turn = (): void => {
    for (let tick = 0; tick < TICKS; tick++) {
      active.tick();
    }
    const now = performance.now();
    for (const due of waiting.filter(({ at, early }) => at <= now || early?.() === true)) {
      waiting.splice(waiting.indexOf(due), 1);
      due.act();
    }
    setImmediate(turn);
  };
  setImmediate(turn);
}

function finish(active: Generator, resumable: boolean, done: (measured: Measured) => void): void {
  if (window === undefined) {
    throw new Error('nothing was marked');
  }
  const { pids, startedAt, relay, own } = window;
  const busyMs = machineBusyMs() - window.busyMs;
  const ksoftirqdMs = totalMs(costBetween(window.ksoftirqd, readCpu(ksoftirqdPids())));
  active.readAll();
  const seconds = (performance.now() - startedAt) / 1000;
  const tasks = costBetween(relay, readCpu(pids));
  const { user, system } = process.cpuUsage(own);
  const receivedInTime = received(active);
  const { lateness } = active;
  const latenessUs = { p50: lateness.quantile(0.5), p99: lateness.quantile(0.99), max: lateness.max };
  if (resumable) {
    active.pause();
  } else {
    active.stopAll();
  }
  const deadline = performance.now() + MAX_DRAIN_MS;
  let last = receivedInTime;
  const look = (): void => {
    const now = received(active);
    if (now !== last && performance.now() < deadline) {
      last = now;
      waiting.push({ at: performance.now() + QUIET_MS, act: look });
      return;
    }
    const { delay, odd, ownDrops } = active;
    done({
      seconds,
      ...active.totals(),
      receivedInTime,
      tooLate: delay.above(TOO_LATE_MS * 1000),
      odd: { ...odd },
      delayUs: {
        p50: delay.quantile(0.5),
        p99: delay.quantile(0.99),
        p999: delay.quantile(0.999),
        max: delay.max,
      },
      tasks,
      busyMs,
      ksoftirqdMs,
      generator: { cpuMs: (user + system) / 1000, latenessUs, drops: ownDrops },
    });
  };
  waiting.push({ at: performance.now() + QUIET_MS, act: look });
}

function totalMs(tasks: readonly TaskCost[]): number {
  return tasks.reduce((sum, { cpuMs }) => sum + cpuMs, 0);
}

function isComplete({ sent, received: arrived }: CallCounts): boolean {
  return arrived >= sent;
}

function received(active: Generator): number {
  const { rtp, rtcp } = active.totals();
  return rtp.received + rtcp.received;
}

// Only root may; `lateness` tells what it costs.
setNice(process.pid, NICE);
process.on('message', (message) => carryOut(message as Numbered<Order>));
process.once('disconnect', () => process.exit());
