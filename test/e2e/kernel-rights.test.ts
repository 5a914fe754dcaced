/** The kernel's flow table in a process that may, and in ones that may not. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { peersPresent } from '../support/peers.ts';
import { projectRoot } from '../support/project.ts';

const FIXTURES = join(projectRoot, 'build/test/fixtures');
const OPEN = join(FIXTURES, 'kernel-flows.js');
const WITHOUT_RIGHTS = '-bpf,-net_admin,-sys_admin,-perfmon';

interface Report {
  readonly error?: { readonly operation: string; readonly errno: string; readonly text: string };
  readonly whileOpen: number;
  readonly left: number;
}

function reportOf(command: string, ...args: string[]): Report {
  return JSON.parse(execFileSync(command, args, { encoding: 'utf8', timeout: 60_000 })) as Report;
}

test('three maps and a program are open, and nothing is afterwards', (t) => {
  if (peersPresent(t, 'bpf')) {
    assert.deepEqual(reportOf(process.execPath, OPEN), { whileOpen: 4, left: 0 });
  }
});

test('CAP_BPF and CAP_NET_ADMIN are all that it takes', (t) => {
  if (peersPresent(t, 'bpf', 'setpriv')) {
    const only = '-all,+bpf,+net_admin';
    const command = ['--bounding-set', only, '--inh-caps', '-all', process.execPath, OPEN] as const;
    assert.deepEqual(reportOf('setpriv', ...command), { whileOpen: 4, left: 0 });
  }
});

test('without the rights the refusal names them, and nothing is left open', (t) => {
  if (peersPresent(t, 'setpriv')) {
    const command = ['--bounding-set', WITHOUT_RIGHTS, '--inh-caps', WITHOUT_RIGHTS, process.execPath, OPEN] as const;
    const { error, left } = reportOf('setpriv', ...command);
    assert.equal(error?.errno, 'EPERM');
    assert.match(error?.text ?? '', /^(create map|load program) EPERM: Give this process CAP_BPF and CAP_NET_ADMIN/);
    assert.equal(left, 0);
  }
});

test('under a filter of system calls that denies bpf(2) it is the same', (t) => {
  if (peersPresent(t, 'root')) {
    const { error, left } = reportOf(process.execPath, '--import', join(FIXTURES, 'confined.js'), OPEN);
    assert.deepEqual([error?.operation, error?.errno, left], ['create map', 'EPERM', 0]);
  }
});
