import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { type OpenFileLimit, openFileLimit } from '../../../src/linux/open-file-limit.ts';
import { fixture } from '../../support/launcher.ts';

const skip = process.platform === 'linux' ? false : 'Linux only';

test('the limit is what proc(5) says of this process', { skip }, () => {
  const limit = openFileLimit();
  assert.ok(limit !== undefined && limit.soft > 0 && limit.soft <= limit.hard);
  assert.match(readFileSync('/proc/self/limits', 'utf8'), new RegExp(`^Max open files +${limit.soft} `, 'm'));
});

test('the soft limit is raised to the hard one, and a child has it, too', { skip }, () => {
  const [file, ...args] = fixture('low-file-limit');
  // A hard limit of its own: elsewhere it may be unlimited, which is no number that a process could be given.
  const limited = ['--nofile=64:512', file, ...args];
  const { lowered, raised, child } = JSON.parse(execFileSync('prlimit', limited, { encoding: 'utf8' })) as {
    readonly lowered: OpenFileLimit;
    readonly raised: OpenFileLimit;
    readonly child: readonly string[];
  };
  assert.deepEqual(lowered, { soft: 64, hard: 512 });
  assert.deepEqual(raised, { soft: 512, hard: 512 });
  assert.deepEqual(child, ['512', '512']);
});
