/** The paths of platforms that no test here runs on, with the platform put in their place. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  askToStop,
  groupExists,
  killGroup,
  type ProcessSystem,
  signalProcess,
} from '../../../src/io/process-signals.ts';
import { livingGroupMembers } from '../../../src/io/process-table.ts';

/** A system on which nothing happens, and everything is noted. */
function systemOf(platform: NodeJS.Platform, { programs = [] as string[], error = '' } = {}) {
  const calls: string[] = [];
  const system: ProcessSystem = {
    platform,
    kill: (pid, signal) => {
      calls.push(`kill ${pid} ${signal}`);
      if (error !== '') {
        throw Object.assign(new Error(error), { code: error });
      }
    },
    killTree: (pid) => calls.push(`kill tree ${pid}`),
    closeTree: (pid) => calls.push(`close tree ${pid}`),
    hasProgram: (name) => programs.includes(name),
  };
  return { calls, system };
}

test('Linux: the group by its number; no program is needed', () => {
  const { calls, system } = systemOf('linux');
  killGroup(41, system);
  askToStop(41, 'SIGINT', system);
  askToStop(-41, 'SIGTERM', system);
  assert.ok(groupExists(41, system));
  assert.deepEqual(calls, [
    'kill -41 SIGKILL',
    'kill 41 SIGINT',
    'kill 41 SIGCONT',
    'kill -41 SIGTERM',
    'kill -41 SIGCONT',
    'kill -41 0',
  ]);
});

test('macOS: the group, then the tree of those who left it, if there is a pgrep to find them by', () => {
  const without = systemOf('darwin');
  killGroup(41, without.system);
  assert.deepEqual(without.calls, ['kill -41 SIGKILL']);
  const { calls, system } = systemOf('darwin', { programs: ['pgrep'] });
  killGroup(41, system);
  assert.deepEqual(calls, ['kill -41 SIGKILL', 'kill tree 41']);
});

test('Windows: a tree is asked to close, then ended; without taskkill the leader is', () => {
  const { calls, system } = systemOf('win32', { programs: ['taskkill.exe'] });
  askToStop(41, 'SIGTERM', system);
  askToStop(-41, 'SIGTERM', system);
  killGroup(41, system);
  assert.ok(groupExists(41, system));
  assert.deepEqual(calls, ['close tree 41', 'close tree 41', 'kill tree 41', 'kill 41 0']);
  const bare = systemOf('win32');
  killGroup(41, bare.system);
  assert.deepEqual(bare.calls, ['kill 41 SIGKILL']);
});

test('nobody there is no error; a group that we may not signal exists', () => {
  for (const platform of ['linux', 'darwin', 'win32'] as const) {
    const { system } = systemOf(platform, { error: 'ESRCH' });
    killGroup(41, system);
    askToStop(41, 'SIGTERM', system);
    assert.deepEqual([signalProcess(41, 'SIGTERM', system), groupExists(41, system)], [false, false]);
    assert.ok(groupExists(41, systemOf(platform, { error: 'EPERM' }).system));
  }
});

test('without /proc the living members of a group are asked of ps; zombies are not among them', () => {
  const list = (): string =>
    '    1     1 Ss\n  500   500 S+\n  501   500 Z\n  502   500 R\n  503   501 S\n garbage\n\n';
  assert.deepEqual(livingGroupMembers(500, { hasProc: false, list }), [500, 502]);
  assert.deepEqual(livingGroupMembers(999, { hasProc: false, list }), []);
  assert.equal(livingGroupMembers(500, { hasProc: false, list: () => undefined }), undefined);
});
