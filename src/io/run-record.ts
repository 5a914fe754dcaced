/**
 * Which runs there are, a small file each in the data directory: so that a start can tell what a former run, whose
 * supervisor and guardian were both killed, has left behind.
 */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeDirectoriesSync } from './make-directories.ts';
import { startTimeOf } from './process-table.ts';

export interface RunRecord {
  /** The value of the cookie that every process of the run carries. */
  readonly runId: string;
  /** The supervisor's. */
  readonly pid: number;
  /** In clock ticks since boot; a process id alone may be somebody else's by now. */
  readonly startTime: number;
}

const FOLDER = 'runs';
/** A cookie that we made: nothing else is searched for, whatever a file says. */
const RUN_ID = /^[0-9a-f]{16}$/;

/**
 * Writes the record of this process.
 * @returns what removes it again, or undefined where processes have no start times, or nothing can be written
 */
export function recordRun(dataDir: string, runId: string): (() => void) | undefined {
  const startTime = startTimeOf(process.pid);
  if (startTime === undefined) {
    return undefined;
  }
  const record: RunRecord = { runId, pid: process.pid, startTime };
  const path = join(dataDir, FOLDER, `${runId}.json`);
  try {
    makeDirectoriesSync(join(dataDir, FOLDER), 0o700);
    writeFileSync(path, `${JSON.stringify(record)}\n`, { mode: 0o600 });
  } catch {
    return undefined;
  }
  return () => removeRecord(dataDir, runId);
}

/** Runs whose supervisor is no more. */
export function deadRuns(dataDir: string): RunRecord[] {
  return fileNames(join(dataDir, FOLDER))
    .flatMap((name) => readRecord(join(dataDir, FOLDER, name)) ?? [])
    .filter(({ pid, startTime }) => startTimeOf(pid) !== startTime);
}

export function removeRecord(dataDir: string, runId: string): void {
  try {
    rmSync(join(dataDir, FOLDER, `${runId}.json`), { force: true });
  } catch {
    // A directory that became read-only: the record is looked at in vain next time.
  }
}

function fileNames(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function readRecord(path: string): RunRecord | undefined {
  try {
    const { runId, pid, startTime } = JSON.parse(readFileSync(path, 'utf8')) as Partial<RunRecord>;
    const isSound = typeof runId === 'string' && RUN_ID.test(runId) && Number.isInteger(pid);
    return isSound && typeof startTime === 'number' ? { runId, pid: pid as number, startTime } : undefined;
  } catch {
    return undefined;
  }
}
