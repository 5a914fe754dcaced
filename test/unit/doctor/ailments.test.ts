import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { clockJump } from '../../../src/doctor/ailments/clock-jump.ts';
import { AILMENTS } from '../../../src/doctor/ailments/index.ts';
import type { Facts } from '../../../src/doctor/facts.ts';
import { SYMPTOMS } from '../../../src/doctor/symptoms.ts';
import { projectRoot } from '../../support/project.ts';

const codes = AILMENTS.map(({ code }) => code);

test('each ailment is a file of its name, and each file is in the table', () => {
  const files = readdirSync(join(projectRoot, 'src', 'doctor', 'ailments')).filter((name) => name !== 'index.ts');
  assert.deepEqual([...codes].sort(), files.map((name) => name.replace(/\.ts$/, '')).sort());
});

test('each ailment has a test that makes the fault and is named after it', () => {
  const folder = join(projectRoot, 'test', 'e2e');
  const sources = readdirSync(folder)
    .filter((name) => /^check-.*\.test\.ts$/.test(name))
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .join('\n');
  const names = [...sources.matchAll(/^test\('([^']+)'/gm)].map(([, name = '']) => name);
  const untested = codes.filter((code) => !names.some((name) => name.split(':')[0]?.split(', ').includes(code)));
  assert.deepEqual(untested, []);
});

test('a cause stands before what it looks like, because the first fix is typed first', () => {
  assert.ok(codes.indexOf('media-firewalled') < codes.indexOf('media-dead'));
});

test('the clock is judged at the instant at which the launcher told its age: what takes long afterwards is no jump', () => {
  const system = { clockJumpMs: 0 };
  const at = (toldTime: number) =>
    clockJump.diagnose({
      launcher: { kind: 'running', pid: 7, startedTime: 1000, uptimeMs: 5000, toldTime },
      system,
    } as unknown as Facts);
  assert.equal(at(6100), undefined);
  assert.match(at(66_000)?.evidence ?? '', /^the clock was set by \+60\.0 s since ims-launch \(process 7\)/);
});

test('what goes into the README fits into a table', () => {
  for (const { symptom, cause, remedy } of [...AILMENTS, ...SYMPTOMS]) {
    for (const text of [symptom, cause, remedy]) {
      assert.ok(text !== '' && !/[|\n]/.test(text), text);
    }
  }
});
