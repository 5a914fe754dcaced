/**
 * Directories with their parents. Not Node's own `recursive`: below /proc, where nothing can be created, the kernel says
 * that the parent is missing although it exists, and Node then tries for ever.
 */
import { mkdirSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';

/** @throws the system's error; a file in the place of the directory is met only by those who write below it */
export function makeDirectoriesSync(path: string, mode: number): void {
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    if (isMissing(error) && dirname(path) !== path) {
      makeDirectoriesSync(dirname(path), mode);
      // Once more, and only once: a second "no such directory" is the truth.
      mkdirSync(path, { mode });
    } else if (!isThere(error)) {
      throw error;
    }
  }
}

/** The same without waiting. */
export async function makeDirectories(path: string, mode: number): Promise<void> {
  try {
    await mkdir(path, { mode });
  } catch (error) {
    if (isMissing(error) && dirname(path) !== path) {
      await makeDirectories(dirname(path), mode);
      await mkdir(path, { mode });
    } else if (!isThere(error)) {
      throw error;
    }
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}

function isThere(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EEXIST';
}
