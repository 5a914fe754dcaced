import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { AILMENTS } from '../../../src/doctor/ailments/index.ts';
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

test('what goes into the README fits into a table', () => {
  for (const { symptom, cause, remedy } of [...AILMENTS, ...SYMPTOMS]) {
    for (const text of [symptom, cause, remedy]) {
      assert.ok(text !== '' && !/[|\n]/.test(text), text);
    }
  }
});
