import { ImsError } from '../errors.ts';

/** @throws ImsError when the directory that the program was started in has been deleted */
export function workingDirectory(): string {
  try {
    return process.cwd();
  } catch (cause) {
    throw new ImsError('IMS_ERR_USAGE', 'the working directory no longer exists; change to another one', { cause });
  }
}
