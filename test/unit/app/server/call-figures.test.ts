import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CallFigures, type Figures } from '../../../../src/app/server/call-figures.ts';

const SESSION = { callId: 'x1@a', instance: 'k1', callerTag: 'A', calleeTag: 'B' };
const STREAM = { address: '198.51.100.1', family: 4, port: 40_000 } as const;

const answered = (kind: 'answered' | 'changed', ...streams: number[]) =>
  ({
    kind,
    record: { id: 'call' },
    snapshot: {
      media: {
        session: SESSION,
        published: { caller: { streams: streams.map((index) => ({ ...STREAM, index })) }, callee: undefined },
      },
    },
  }) as never;

/** A relay that answers when it is told to. */
function slowRelay(): { figures: CallFigures; asked: (readonly number[])[]; answer: (figures: Figures) => void } {
  const asked: (readonly number[])[] = [];
  let answer: (figures: Figures) => void = () => {};
  const promise = new Promise<Figures>((resolve) => {
    answer = resolve;
  });
  const figures = new CallFigures({
    figures: (_session, streams) => {
      asked.push(streams);
      return promise;
    },
  });
  return { figures, asked, answer };
}

for (const first of ['the end of the call', 'the delete'] as const) {
  test(`the relay is asked once, and deletes afterwards, when ${first} comes first`, async () => {
    const { figures, asked, answer } = slowRelay();
    figures.handle(answered('answered', 0));
    figures.handle(answered('changed', 0, 2));
    const order: string[] = [];
    const end = (): void => figures.ended('call', ({ relay }) => void order.push(`record of ${relay}`));
    const drop = (): Promise<unknown> =>
      Promise.resolve(figures.beforeDelete(SESSION)).then(() => order.push('deleted'));
    let dropped: Promise<unknown>;
    if (first === 'the delete') {
      dropped = drop();
      end();
    } else {
      end();
      dropped = drop();
    }
    assert.deepEqual([order, figures.pending], [[], 1]);
    answer({ relay: 'r' });
    await dropped;
    assert.deepEqual([asked, order.toSorted(), figures.pending], [[[0, 2]], ['deleted', 'record of r'], 0]);
    assert.equal(figures.beforeDelete(SESSION), undefined, 'nothing is remembered of it');
  });
}

test('a call that nobody answered asks for nothing and waits for nothing', () => {
  const { figures, asked } = slowRelay();
  const told: Figures[] = [];
  figures.handle({ kind: 'ringing', record: { id: 'call' } } as never);
  figures.ended('call', (each) => told.push(each));
  assert.deepEqual([told, asked, figures.beforeDelete(SESSION)], [[{}], [], undefined]);
});
