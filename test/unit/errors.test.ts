import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ERRORS, ImsError } from '../../src/errors.ts';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');

test('every error code is in the README, and the README names no other', () => {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const named = new Set(readme.match(/IMS_ERR_[A-Z_]+/g) ?? []);
  assert.deepEqual([...named].sort(), Object.keys(ERRORS).sort());
});

test('an error carries its exit status and its remedy', () => {
  const error = new ImsError('IMS_ERR_LOCKED', 'process 7 holds the lock');
  assert.equal(error.exitCode, 75);
  assert.match(error.remedy, /stop it first/);
});
