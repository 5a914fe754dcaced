/**
 * The process-table oracle, preloaded into every test file (`--import`): after each test nothing may live that it
 * started, however it started it and wherever that went: a grandchild in a session of its own carries the same mark in
 * its environment. What lives is named, killed, and fails the file; the reporter fails the test's rows.
 */
import { randomBytes } from 'node:crypto';
import { subscribe } from 'node:diagnostics_channel';
import { after, beforeEach } from 'node:test';
import { processesWithVariable, type RunningProcess } from '../support/survivors.ts';
import { waitFor } from '../support/wait.ts';
import { survivorLine } from './survivor-line.ts';

/** Every process below this test file inherits it. */
const FILE_VARIABLE = 'IMS_TEST_FILE';

/** What was told to end may take this long to be gone, milliseconds. */
const GRACE_MS = 3000;

/** A process that was forked and has not executed its program yet shows its parent's environment: look again. */
const CLEAN_LOOKS = 3;

// The runner itself preloads this file, too; tests run in its children.
if (process.env['NODE_TEST_CONTEXT'] !== undefined) {
  watch();
}

function watch(): void {
  const cookie = randomBytes(8).toString('hex');
  process.env[FILE_VARIABLE] = cookie;
  let spawned = false;
  let test: string | undefined;
  // Most tests start nothing: only after a spawn is the process table read.
  subscribe('child_process', () => {
    spawned = true;
  });
  beforeEach(async (t) => {
    // A test inside a test: what the outer one started may live.
    if ('fullName' in t && t.fullName !== t.name) {
      return;
    }
    if (spawned && test !== undefined) {
      spawned = false;
      await look(cookie, test);
    }
    test = t.name;
  });
  after(async () => {
    if (test !== undefined) {
      await look(cookie, test);
    }
  });
}

async function look(cookie: string, test: string): Promise<void> {
  const living = (): RunningProcess[] => processesWithVariable(FILE_VARIABLE, cookie);
  let clean = 0;
  const isClean = (): boolean => {
    clean = living().length === 0 ? clean + 1 : 0;
    return clean >= CLEAN_LOOKS;
  };
  try {
    await waitFor('the end of all processes', isClean, { timeoutMs: GRACE_MS });
  } catch {
    const left = living();
    if (left.length === 0) {
      // On a machine with much other work there was no time for so many looks.
      return;
    }
    console.error(
      survivorLine(
        test,
        left.map(({ pid, command }) => `${pid} ${command}`),
      ),
    );
    for (const { pid } of left) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It ended by itself at this moment.
      }
    }
    // The runner sets its own status at the end only if a test failed.
    process.on('exit', () => {
      process.exitCode = 1;
    });
  }
}
