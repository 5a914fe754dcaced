/** One test's cleaning up: what was opened last is closed first, and everything is closed even if something fails. */
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { atAbruptEnd } from './abrupt-end.ts';

export interface Scope {
  /** Short random name of this run: part of namespace names, and in the environment of every process. */
  readonly runId: string;
  /** Closers run in reverse order at the end; their errors fail the test. */
  defer(close: () => void | Promise<void>): void;
}

/** A scope that ends with its test. */
export function openScope(t: Pick<TestContext, 'after'>): Scope {
  const { scope, close } = createScope();
  t.after(close);
  return scope;
}

/** A scope that its maker closes: for scripts, which use the same helpers. */
export function createScope(): { readonly scope: Scope; readonly close: () => Promise<void> } {
  const closers: (() => void | Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    const errors: unknown[] = [];
    for (const closer of closers.splice(0).reverse()) {
      try {
        await closer();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) {
      throw errors.length === 1 ? errors[0] : new AggregateError(errors, errors.map(String).join('\n'));
    }
  };
  return { scope: { runId: randomBytes(3).toString('hex'), defer: (closer) => closers.push(closer) }, close };
}

/** A directory of the test's own, removed with everything in it. */
export async function temporaryDirectory(scope: Scope): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'ims-launch-test-'));
  const forget = atAbruptEnd(() => rmSync(directory, { recursive: true, force: true }));
  scope.defer(async () => {
    forget();
    await rm(directory, { recursive: true, force: true, maxRetries: 3 });
  });
  return directory;
}
