/** A plane below the programs, and what it reports. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { NativePlane, type NativePlaneOptions } from '../../src/planes/native/native-plane.ts';
import { PortablePlane } from '../../src/planes/portable/portable-plane.ts';
import { latchPolicy } from '../../src/relay/latching/index.ts';
import { OwnControl } from '../../src/relay/own-control.ts';
import type {
  MediaPlane,
  PairOutcome,
  PairRequest,
  PlaneEvent,
  PlaneListener,
  SessionId,
} from '../../src/relay/plane.ts';
import { silentLog } from './logs.ts';
import { waitFor } from './wait.ts';

export const PLANES = ['portable', 'native'] as const;

export const SESSION = 1 as SessionId;

const LATCHING = { mode: 'safe', hearsLoopback: true } as const;

export interface CopiedPacket {
  readonly from: string;
  readonly bytes: Buffer;
}

export interface PlaneWorld<Plane extends MediaPlane = MediaPlane> {
  readonly plane: Plane;
  readonly events: PlaneEvent[];
  readonly copies: CopiedPacket[];
  /** Whatever is not said: leg 0 of SESSION on 127.0.0.1. */
  open(request: Partial<PairRequest>): Promise<PairOutcome>;
}

export async function openPlaneWorld(t: TestContext, name: (typeof PLANES)[number]): Promise<PlaneWorld> {
  return name === 'native'
    ? await openNativeWorld(t)
    : openWorld(t, (listener) => new PortablePlane({ policy: latchPolicy(LATCHING), listener }));
}

export async function openNativeWorld(
  t: TestContext,
  workers = 2,
  more: Partial<NativePlaneOptions> = {},
): Promise<PlaneWorld<NativePlane>> {
  const ownControl = new OwnControl([], [], { localAddressTowards: () => undefined });
  const log = silentLog();
  const plane = await NativePlane.start({ latching: LATCHING, ownControl, log, tos: undefined, workers, ...more });
  assert.ok(typeof plane !== 'string', String(plane));
  const world = openWorld(t, (listener) => plane.listen(listener));
  await waitFor('every thread', () => plane.workers.every(({ isRunning }) => isRunning));
  return world;
}

function openWorld<Plane extends MediaPlane>(
  t: TestContext,
  openPlane: (listener: PlaneListener) => Plane,
): PlaneWorld<Plane> {
  const events: PlaneEvent[] = [];
  const copies: CopiedPacket[] = [];
  let answer: ((outcome: PairOutcome) => void) | undefined;
  const plane = openPlane({
    pairOpened: (_request, outcome) => answer?.(outcome),
    event: (event) => events.push(event),
    packet: (session, side, component, bytes, source) =>
      copies.push({
        from: `${session}/${side}/${component}/${source.address}:${source.port}`,
        bytes: Buffer.from(bytes),
      }),
  });
  t.after(() => plane.close());
  return {
    plane,
    events,
    copies,
    open: (request) =>
      new Promise((resolve) => {
        answer = resolve;
        plane.open({ session: SESSION, side: 0, address: '127.0.0.1', family: 4, port: 0, ...request });
      }),
  };
}
