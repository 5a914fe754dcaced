/** Where control sockets lie, and how they are named: the same for who serves and who asks. */
import { createHash } from 'node:crypto';
import { accessSync, constants, lstatSync, mkdirSync, readdirSync, readlinkSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, isAbsolute, join, sep } from 'node:path';

/** sockaddr_un.sun_path holds this many bytes on every system; Linux has four more. */
const MAX_SOCKET_PATH_BYTES = 103;

const SUFFIX = '.sock';

type Environment = Readonly<Record<string, string | undefined>>;

/** A launcher's name: its configuration file, and the relay's control port (two may share a file with different ports). */
export function controlName(configPath: string, controlPort: number): string {
  return `${digest(realPath(configPath))}-${controlPort}`;
}

/** The directories that are tried, in this order. */
export function runtimeDirectories(env: Environment): readonly string[] {
  const session = env['XDG_RUNTIME_DIR'];
  return [
    ...(session !== undefined && isAbsolute(session) ? [join(session, 'ims-launch')] : []),
    '/run/ims-launch',
    join(tmpdir(), `ims-launch-${process.geteuid?.() ?? 0}`),
  ];
}

/** The first directory in which nobody else can put anything, created if need be; undefined: there is none. */
export function prepareRuntimeDirectory(candidates: readonly string[]): string | undefined {
  return candidates.find((path) => {
    try {
      mkdirSync(path, { mode: 0o700 });
    } catch {
      // It exists, or its parent is read-only or missing: the look at it decides.
    }
    return isPrivate(path) && isWritable(path);
  });
}

export function socketPath(directory: string, name: string): string {
  return join(directory, name + SUFFIX);
}

export function fitsSocketAddress(path: string): boolean {
  return Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES;
}

/**
 * Sockets that may belong to the launcher of a configuration, the likeliest first. Without a port, or when the port in
 * the file has changed since the start, every socket of the file counts; and so does the name that the file has without
 * being followed, since a link may have taken the place of a file whose launcher runs.
 */
export function findSockets(candidates: readonly string[], configPath: string, port: number | undefined): string[] {
  const prefixes = [realPath(configPath), unfollowed(configPath)].map((path) => `${digest(path)}-`);
  const exact = port === undefined ? undefined : controlName(configPath, port) + SUFFIX;
  const found = candidates.filter(isTrusted).flatMap((directory) =>
    namesIn(directory)
      .filter((name) => prefixes.some((prefix) => name.startsWith(prefix)) && name.endsWith(SUFFIX))
      .map((name) => ({ path: join(directory, name), isExact: name === exact })),
  );
  return found.sort((one, other) => Number(other.isExact) - Number(one.isExact)).map(({ path }) => path);
}

function digest(path: string): string {
  return createHash('sha256').update(path).digest('hex').slice(0, 16);
}

/**
 * The file's one name. A ConfigMap of Kubernetes is a link through `..data`, which leads to another directory after each
 * change: there the name is the link's own. What does not exist yet gets the name that it will have.
 */
function realPath(path: string): string {
  try {
    return readlinkSync(path).split(sep).includes('..data') ? unfollowed(path) : realpathSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // EINVAL: it is no link.
    return code === 'EINVAL' ? realpathSync(path) : unfollowed(path);
  }
}

/** Its own name in the directory's real one. */
function unfollowed(path: string): string {
  return dirname(path) === path ? path : join(realPath(dirname(path)), basename(path));
}

/** Ours, a real directory, and closed to the writing of others. */
function isPrivate(path: string): boolean {
  const stat = statOf(path);
  return stat?.isDirectory() === true && isOwn(stat.uid) && (stat.mode & 0o022) === 0;
}

/** Where an answer can be believed: root may ask the launcher of another user. */
function isTrusted(path: string): boolean {
  const stat = statOf(path);
  const believed = stat !== undefined && (isOwn(stat.uid) || stat.uid === 0 || isOwn(0));
  return believed && stat.isDirectory() && (stat.mode & 0o022) === 0;
}

function isOwn(uid: number): boolean {
  return process.geteuid === undefined || process.geteuid() === uid;
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Of the link itself, should it be one: nobody is followed to somewhere else. */
function statOf(path: string) {
  try {
    return lstatSync(path);
  } catch {
    return undefined;
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
