/** `--pidfile`: process id and start time, so that a number that the system has used again is not taken for ours. */
import { randomBytes } from 'node:crypto';
import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { ImsError } from '../errors.ts';
import { startTimeOf } from './process-table.ts';

export interface PidFile {
  /** Removes the file, if it is still ours. */
  remove(): void;
}

/**
 * @throws ImsError IMS_ERR_LOCKED when the process that the file names still runs, IMS_ERR_PID_FILE when it cannot be
 * written
 */
export function writePidFile(path: string): PidFile {
  const holder = readHolder(path);
  if (holder !== undefined) {
    throw new ImsError('IMS_ERR_LOCKED', `${path} names process ${holder}, which still runs`);
  }
  const text = `${process.pid} ${startTimeOf(process.pid) ?? ''}`.trim();
  const passing = `${path}.${randomBytes(4).toString('hex')}`;
  try {
    // Renamed into place: a reader never sees half of it, and a link of that name is replaced, not followed.
    writeFileSync(passing, `${text}\n`, { mode: 0o644, flag: 'wx' });
    renameSync(passing, path);
  } catch (cause) {
    rmSync(passing, { force: true });
    const { code } = cause as NodeJS.ErrnoException;
    throw new ImsError('IMS_ERR_PID_FILE', `the pid file ${path} cannot be written (${code})`, { cause });
  }
  return {
    remove: () => {
      if (read(path) === text) {
        rmSync(path, { force: true });
      }
    },
  };
}

/** Another living process that wrote the file: its id and its start time both match. */
function readHolder(path: string): number | undefined {
  const [pid, startTime] = (read(path) ?? '').split(' ').map(Number);
  const isOther = pid !== undefined && Number.isInteger(pid) && pid > 0 && pid !== process.pid;
  return isOther && startTime !== undefined && startTimeOf(pid) === startTime ? pid : undefined;
}

function read(path: string): string | undefined {
  try {
    // A pipe of that name would be waited for.
    return statSync(path).isFile() ? readFileSync(path, 'utf8').trim() : undefined;
  } catch {
    return undefined;
  }
}
