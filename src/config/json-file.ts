/** A file that has to hold one JSON object, and may be anything. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { ImsError } from '../errors.ts';
import { parseJson } from './json.ts';

export type JsonObject = Record<string, unknown>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const MAX_DEPTH = 64;

export type JsonFile =
  | { readonly found: true; readonly object: JsonObject }
  /** Nothing is there; `code` is the system's: ENOENT or ENOTDIR. */
  | { readonly found: false; readonly code: string };

/**
 * @throws ImsError IMS_ERR_CONFIG_MISSING if it is there and cannot be read, IMS_ERR_CONFIG_SYNTAX with line and column,
 * IMS_ERR_CONFIG_INVALID if it is too long, too deep, no regular file or no object
 */
export function readJsonFile(path: string, maxBytes: number): JsonFile {
  let text: string;
  try {
    text = readText(path, maxBytes);
  } catch (cause) {
    if (cause instanceof ImsError) {
      throw cause;
    }
    const code = (cause as NodeJS.ErrnoException).code ?? '';
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      return { found: false, code };
    }
    throw new ImsError('IMS_ERR_CONFIG_MISSING', `cannot read the configuration file ${path} (${code})`, { cause });
  }
  const parsed = parseJson(text);
  if (!parsed.ok) {
    const { line, column, found } = parsed.error;
    throw new ImsError('IMS_ERR_CONFIG_SYNTAX', `${path}:${line}:${column} is not JSON: ${found}`);
  }
  if (depthExceeds(parsed.value, MAX_DEPTH)) {
    throw new ImsError('IMS_ERR_CONFIG_INVALID', `${path} is nested deeper than ${MAX_DEPTH} levels`);
  }
  if (!isObject(parsed.value)) {
    throw new ImsError('IMS_ERR_CONFIG_INVALID', `${path} must hold a JSON object ({ … })`);
  }
  return { found: true, object: parsed.value };
}

/**
 * A pipe is not waited for, here or on a reload: whoever opens one in the ordinary way stands still until somebody writes,
 * and hears no signal meanwhile. What is longer than such a file can be is refused, not read.
 */
function readText(path: string, maxBytes: number): string {
  const file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const stat = fstatSync(file);
    if (!stat.isFile()) {
      throw new ImsError('IMS_ERR_CONFIG_INVALID', `${path} is not a regular file`);
    }
    // It may grow while it is read, and what is below /proc says 0.
    const chunks: Buffer[] = [];
    let length = 0;
    for (let read = -1; read !== 0 && length <= maxBytes; length += read) {
      const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
      read = readSync(file, chunk, 0, chunk.length, null);
      chunks.push(chunk.subarray(0, read));
    }
    if (length > maxBytes) {
      throw new ImsError('IMS_ERR_CONFIG_INVALID', `${path} is longer than ${maxBytes} bytes`);
    }
    return Buffer.concat(chunks).toString('utf8');
  } finally {
    closeSync(file);
  }
}

const CHUNK_BYTES = 65_536;

/** Level by level: recursion would overflow on the very files that this is about. */
function depthExceeds(value: unknown, limit: number): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > limit) {
      return true;
    }
    level = level.flatMap((item) => (typeof item === 'object' && item !== null ? Object.values(item) : []));
  }
  return false;
}
