import assert from 'node:assert/strict';
import { test } from 'node:test';
import { choosePlane } from '../../../src/planes/choose.ts';
import { OwnControl } from '../../../src/relay/own-control.ts';
import type { PlaneListener } from '../../../src/relay/plane.ts';
import { silentLog } from '../../support/logs.ts';

const LISTENER: PlaneListener = { pairOpened: () => {}, event: () => {}, packet: () => {} };

test('the native plane is taken where it works; one that is not there is replaced, with the reason', async (t) => {
  const ownControl = new OwnControl([], [], { localAddressTowards: () => undefined });
  const expected = { auto: 'native', native: 'native', kernel: 'native', portable: 'portable' } as const;
  for (const choice of ['auto', 'native', 'kernel', 'portable'] as const) {
    const chosen = await choosePlane(choice, {
      latching: { mode: 'safe', hearsLoopback: true },
      ownControl,
      log: silentLog(),
      tos: undefined,
      dropsRights: false,
    });
    const plane = chosen.open(LISTENER);
    t.after(() => plane.close());
    assert.equal(plane.name, expected[choice]);
    assert.equal(chosen.fallback, choice === 'kernel');
    assert.notEqual(chosen.reason, '');
  }
});
