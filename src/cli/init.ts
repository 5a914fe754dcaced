/** `ims-launch init`: a configuration to begin with. */
import { randomInt } from 'node:crypto';
import { closeSync, constants, copyFileSync, openSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, normalize, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Command } from 'commander';
import { workingDirectory } from '../app/working-directory.ts';
import { DEFAULT_CONFIG_PATH } from '../config/load.ts';
import { configSchema } from '../config/schema.ts';
import { ImsError } from '../errors.ts';
import { makeDirectoriesSync } from '../io/make-directories.ts';

/** Letters and digits that nobody takes for another. */
const ALPHABET = 'abcdefghjkmnpqrstuvwxyz23456789';

/** 99 bits: more than a digest's nonce and a phone's patience need. */
const PASSWORD_LENGTH = 20;

const DEFAULT_USERS = '1001,1002,1003';

export function initCommand(): Command {
  return new Command('init')
    .description('write a configuration to begin with; an existing file is never touched')
    .argument('[path]', 'the file, or the directory that gets a config.json', DEFAULT_CONFIG_PATH)
    .option('--users <names>', 'accounts, separated by commas; each gets a password of its own', DEFAULT_USERS)
    .action((place: string, { users }: { readonly users: string }) => {
      const file = fileAt(place);
      const path = resolve(workingDirectory(), file);
      const names = users.split(',').map((name) => name.trim());
      write(path, `${JSON.stringify(startingConfiguration(path, names), null, 2)}\n`);
      if (schemaReference(path) === COPIED_SCHEMA) {
        copySchema(dirname(path));
      }
      process.stdout.write(nextSteps(file, names));
    });
}

/** A directory, or what is written like one, gets a file of the usual name. */
function fileAt(place: string): string {
  const isDirectory = statSync(resolve(workingDirectory(), place), { throwIfNoEntry: false })?.isDirectory() === true;
  return normalize(isDirectory || place.endsWith('/') ? join(place, basename(DEFAULT_CONFIG_PATH)) : place);
}

/** @throws ImsError IMS_ERR_USAGE when a name is not one that a SIP URI can have */
function startingConfiguration(path: string, names: readonly string[]): object {
  const configuration = {
    SERVER_ADDR: 'AUTO_DETECT',
    SERVER_PORT: 5060,
    LOG_LEVEL: 'INFO',
    USERS: Object.fromEntries(names.map((name) => [name, randomPassword()])),
    relay: { minPort: 10_000, maxPort: 20_000 },
  };
  const checked = configSchema.safeParse(configuration);
  if (!checked.success) {
    const [issue] = checked.error.issues;
    throw new ImsError('IMS_ERR_USAGE', `--users ${names.join(',')}: ${issue?.message ?? 'not valid'}`);
  }
  return { $schema: schemaReference(path), ...configuration };
}

function randomPassword(): string {
  return Array.from({ length: PASSWORD_LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
}

/** The schema that came with this program. */
const SCHEMA = join(import.meta.dirname, '..', '..', '..', 'config', 'config.schema.json');

const COPIED_SCHEMA = './config.schema.json';

/**
 * Editors check and complete by it. A relative path where one leads there; from npx's cache, which is emptied without
 * notice, a copy beside the configuration.
 */
function schemaReference(path: string): string {
  const way = relative(dirname(path), SCHEMA);
  if (!relative(workingDirectory(), SCHEMA).startsWith('..')) {
    return way.startsWith('.') ? way : `./${way}`;
  }
  return process.env['npm_command'] === 'exec' ? COPIED_SCHEMA : pathToFileURL(SCHEMA).href;
}

/** One that is there stays, and none is needed to start: whatever hinders the copy costs the editor's help alone. */
function copySchema(directory: string): void {
  try {
    copyFileSync(SCHEMA, join(directory, COPIED_SCHEMA), constants.COPYFILE_EXCL);
  } catch {
    // The configuration has been written, and that was what was asked for.
  }
}

/** @throws ImsError IMS_ERR_FILE_EXISTS, IMS_ERR_FILE_WRITE */
function write(path: string, text: string): void {
  try {
    makeDirectoriesSync(dirname(path), 0o755);
    // Passwords: for the owner alone. "x": another one's file is never written to, not even at the same moment.
    fill(path, openSync(path, 'wx', 0o600), text);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') {
      throw new ImsError('IMS_ERR_FILE_EXISTS', `${path} exists and is left as it is`);
    }
    throw new ImsError('IMS_ERR_FILE_WRITE', `cannot write ${path}: ${message}`);
  }
}

/** A disk that is full must not leave half a configuration, which a second try would find in its way. */
function fill(path: string, fd: number, text: string): void {
  try {
    writeFileSync(fd, text);
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
}

function nextSteps(file: string, names: readonly string[]): string {
  const flag = file === DEFAULT_CONFIG_PATH ? '' : ` --config ${shellWord(file)}`;
  return [
    `${file} is written, readable by you alone. The passwords are in it, under USERS.`,
    '',
    'Next:',
    `  npx ims-launch${flag}            start relay and IMS`,
    `  npx ims-launch verify${flag}     see that RTP and RTCP flow both ways`,
    `  then register phones as ${names.join(', ')} at the address that the start prints`,
    '',
  ].join('\n');
}

/** POSIX shell: the steps are there to be pasted. */
function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
