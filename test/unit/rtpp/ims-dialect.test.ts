import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { cleanId, parseImsDatagram, parseImsLine } from '../../../src/rtpp/ims-dialect.ts';

test('a glued verb with the right number of words is the dialect', () => {
  assert.deepEqual(parseImsDatagram('Vcall1 tagA', 'auto', false), { kind: 'offer', callId: 'call1', fromTag: 'tagA' });
  assert.equal(parseImsDatagram('Vcall1 tagA tagB', 'auto', false)?.kind, 'answer');
  assert.equal(parseImsDatagram('Dcall1 tagA tagB', 'auto', false)?.kind, 'delete');
  assert.equal(parseImsDatagram('Qcall1 tagA tagB', 'auto', false)?.kind, 'query');
  assert.deepEqual(parseImsDatagram('Uc f t 192.0.2.1:4000 192.0.2.2:5000 r', 'auto', false), {
    kind: 'update',
    callId: 'c',
    fromTag: 'f',
    toTag: 't',
    caller: { address: '192.0.2.1', port: 4000 },
    callee: { address: '192.0.2.2', port: 5000 },
  });
});

test('a plain V is never the dialect: it is a cookie', () => {
  assert.equal(parseImsDatagram('V ping pong', 'auto', false), undefined);
  assert.equal(parseImsDatagram('V test-connection test-tag', 'only', false), undefined);
});

test('a valid standard command wins whatever its cookie looks like', () => {
  assert.equal(parseImsDatagram('Vcookie V', 'auto', false), undefined);
  assert.equal(parseImsDatagram('Dck D call A', 'auto', false), undefined);
});

test('a From tag of X does not delete every session, unless the sender is a standard client', () => {
  assert.equal(parseImsDatagram('Vcall X', 'auto', false)?.kind, 'offer');
  assert.equal(parseImsDatagram('Vcall X', 'auto', true), undefined);
  assert.equal(parseImsDatagram('Vcall X', 'off', false), undefined);
});

test('on a stream VF, Dw and Qv stay standard', () => {
  assert.equal(parseImsLine('VF 20050322', 'auto'), undefined);
  assert.equal(parseImsLine('Dw call tag', 'auto'), undefined);
  assert.equal(parseImsLine('Qv call tag', 'auto'), undefined);
  assert.equal(parseImsLine('Vcall tag', 'auto')?.kind, 'offer');
});

test('raw and cleaned ids meet', () => {
  assert.equal(cleanId('ab@cd.1'), cleanId('ab_cd_1'));
});

test('no datagram and no line throws', () => {
  const text = fc.string({ unit: 'binary', maxLength: 200 });
  fc.assert(
    fc.property(text, fc.constantFrom('off', 'auto', 'only'), fc.boolean(), (datagram, mode, known) => {
      parseImsDatagram(`V${datagram}`, mode, known);
      parseImsLine(`U${datagram}`, mode);
    }),
  );
});
