/** One test's cleaning up: what was opened last is closed first, and everything is closed even if something fails. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

export interface Scope {
  /** Short random name of this test's run: part of namespace names, and in the environment of every process. */
  readonly runId: string;
  /** Closers run in reverse order when the test has ended; their errors fail the test. */
  defer(close: () => void | Promise<void>): void;
  /** A line shown with the test's result. */
  note(line: string): void;
}

export function openScope(t: TestContext): Scope {
  const closers: (() => void | Promise<void>)[] = [];
  t.after(async () => {
    const errors: unknown[] = [];
    for (const close of closers.reverse()) {
      try {
        await close();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) {
      throw errors.length === 1 ? errors[0] : new AggregateError(errors, errors.map(String).join('\n'));
    }
  });
  return {
    runId: randomBytes(3).toString('hex'),
    defer: (close) => closers.push(close),
    note: (line) => t.diagnostic(line),
  };
}

/** A directory of the test's own, removed with everything in it. */
export async function temporaryDirectory(scope: Scope): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'ims-launch-test-'));
  scope.defer(() => rm(directory, { recursive: true, force: true, maxRetries: 3 }));
  return directory;
}
