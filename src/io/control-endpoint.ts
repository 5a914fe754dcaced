/**
 * The control socket as a lock: whoever can be connected to holds it. A socket file that nobody listens on was left by
 * a launcher that was killed, and is replaced.
 */
import { linkSync, lstatSync, rmSync } from 'node:fs';
import type { Server } from 'node:net';
import { ImsError } from '../errors.ts';
import { ControlClient } from './control-client.ts';

/** A holder is asked for its process id for at most this time, milliseconds. */
const HOLDER_PATIENCE_MS = 1000;

export interface Endpoint {
  readonly path: string;
  /** Whether the file is still the one that was put there. */
  isHeld(): boolean;
  /** Removes the file, if it is still ours. */
  release(): void;
}

/**
 * Listens on `path`. The server is bound under a passing name first and then linked to its own, which fails when
 * somebody was faster: so whoever sees the socket can connect to it, and no two launchers can both have made it.
 *
 * @throws ImsError IMS_ERR_LOCKED when another launcher listens there
 */
export async function claimEndpoint(server: Server, path: string): Promise<Endpoint> {
  const passing = `${path}.${process.pid}`;
  rmSync(passing, { force: true });
  await listen(server, passing);
  try {
    for (let attempt = 0; attempt < 2; attempt++) {
      await removeStale(path);
      if (linked(passing, path)) {
        rmSync(passing, { force: true });
        const own = identityOf(path);
        const isHeld = (): boolean => own !== undefined && identityOf(path) === own;
        return { path, isHeld, release: () => isHeld() && rmSync(path, { force: true }) };
      }
    }
    throw locked(undefined);
  } catch (error) {
    server.close();
    throw error;
  } finally {
    rmSync(passing, { force: true });
  }
}

/** @throws ImsError IMS_ERR_LOCKED when somebody listens on `path` */
export async function requireUnheld(path: string): Promise<void> {
  let client: ControlClient;
  try {
    client = await ControlClient.connect(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ECONNREFUSED') {
      return;
    }
    if (code === 'EACCES' && identityOf(path) === undefined) {
      // In a directory of another user: whoever is there has no lock that is meant for us.
      return;
    }
    // A full backlog, or the socket of another user: somebody is there.
    throw locked(undefined);
  }
  try {
    const answer = await client.ask({ verb: 'status' }, { timeoutMs: HOLDER_PATIENCE_MS });
    const result = typeof answer === 'object' && answer.ok ? (answer.result as { pid?: unknown } | null) : undefined;
    throw locked(typeof result?.pid === 'number' ? result.pid : undefined);
  } finally {
    client.close();
  }
}

async function removeStale(path: string): Promise<void> {
  const before = identityOf(path);
  if (before === undefined) {
    return;
  }
  await requireUnheld(path);
  // Another launcher may have replaced it while we asked.
  if (identityOf(path) === before) {
    rmSync(path, { force: true });
  }
}

/** @returns false when the name is taken */
function linked(passing: string, path: string): boolean {
  try {
    linkSync(passing, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') {
      return false;
    }
    throw error;
  }
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    // The file is made in this very call: mode 0600 from its first moment on.
    const before = process.umask(0o177);
    try {
      server.listen(path, () => {
        server.off('error', reject);
        resolve();
      });
    } finally {
      process.umask(before);
    }
  });
}

/** Inode numbers are used again; with the time of birth they are not. */
function identityOf(path: string): string | undefined {
  try {
    const { dev, ino, birthtimeNs } = lstatSync(path, { bigint: true });
    return `${dev}:${ino}:${birthtimeNs}`;
  } catch {
    return undefined;
  }
}

function locked(pid: number | undefined): ImsError {
  const who = pid === undefined ? 'a process that does not tell its id' : `process ${pid}`;
  return new ImsError('IMS_ERR_LOCKED', `ims-launch already runs with this configuration: ${who}`);
}
