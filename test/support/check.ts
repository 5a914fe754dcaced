/** `ims-launch check --json` of a test's place, and what it found. */
import assert from 'node:assert/strict';
import type { Finding } from '../../src/doctor/ailment.ts';
import type { LaunchPlace } from './launcher.ts';
import { runProgram } from './program.ts';
import { binary } from './project.ts';
import type { Scope } from './scope.ts';

export interface CheckOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly namespace?: string;
  /** What the command is run by: `prlimit`, `unshare`. */
  readonly prefix?: readonly string[];
}

export interface Checked {
  readonly code: number | null;
  readonly findings: readonly Finding[];
  /** The finding of that code; fails with all that was found if there is none. */
  finding(code: string): Finding;
}

export async function check(
  scope: Scope,
  place: Pick<LaunchPlace, 'directory' | 'configPath'>,
  { env, namespace, prefix = [] }: CheckOptions = {},
): Promise<Checked> {
  const [file = '', ...args] = [
    ...prefix,
    process.execPath,
    binary('ims-launch'),
    'check',
    '--json',
    '--config',
    place.configPath,
  ];
  const { code, output } = await runProgram(scope, {
    name: 'check',
    command: [file, ...args],
    cwd: place.directory,
    env: { XDG_RUNTIME_DIR: place.directory, ...env },
    namespace,
  });
  const { ok, findings } = JSON.parse(output) as { ok: boolean; findings: Finding[] };
  assert.equal(code, ok ? 0 : 1, output);
  assert.equal(
    ok,
    findings.every(({ severity }) => severity === 'warns'),
    output,
  );
  return {
    code,
    findings,
    finding: (wanted) => {
      const found = findings.find((finding) => finding.code === wanted);
      assert.ok(found, `no ${wanted} in ${output}`);
      return found;
    },
  };
}

export function codesOf({ findings }: Checked): string[] {
  return findings.map(({ code }) => code);
}
