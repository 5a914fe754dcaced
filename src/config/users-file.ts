/** Accounts in a file of their own, beside what is kept of them: for a program that writes them, or many thousands. */
import { resolve } from 'node:path';
import { ImsError } from '../errors.ts';
import { accountsSchema } from '../sip/options.ts';
import { readJsonFile } from './json-file.ts';
import type { Config } from './schema.ts';

const NAME = 'users.json';

/** Some 300 000 accounts with HA1. */
const MAX_BYTES = 32 << 20;

/** Of many mistakes, and of many names in both files, so many are told. */
const MAX_TOLD = 10;

export interface UsersFile {
  /** Absolute; the file need not be there. */
  readonly path: string;
  readonly found: boolean;
  /** Of both files; a name that is in both has the password that stands in the configuration. */
  readonly accounts: Config['USERS'];
  readonly warnings: readonly string[];
}

/**
 * `dataDir/users.json` looks like USERS: `{ "1001": "password", "1002": "ha1:MD5:…" }`.
 *
 * @param isGiven USERS was given; the accounts that it has by default are only for those who have named none
 * @throws ImsError as `readJsonFile` does, and IMS_ERR_CONFIG_INVALID with the names of the accounts
 */
export function addUsersFile(config: Config, isGiven: boolean, cwd: string): UsersFile {
  const path = resolve(cwd, config.dataDir, NAME);
  const file = readJsonFile(path, MAX_BYTES);
  if (!file.found) {
    return { path, found: false, accounts: config.USERS, warnings: [] };
  }
  const parsed = accountsSchema.safeParse(file.object);
  if (!parsed.success) {
    const sentences = parsed.error.issues.map(({ path: [user = ''], code, message, ...issue }) => {
      const rule = code === 'invalid_key' && 'issues' in issue ? (issue.issues[0]?.message ?? message) : message;
      return `${path}: ${String(user)}: ${rule}`;
    });
    throw new ImsError('IMS_ERR_CONFIG_INVALID', shortened(sentences, '\n'));
  }
  const own = isGiven ? config.USERS : {};
  const twice = Object.keys(own).filter((user) => Object.hasOwn(parsed.data, user));
  const warnings =
    twice.length === 0
      ? []
      : [`${path}: USERS in the configuration has these too, and its passwords hold: ${shortened(twice, ', ')}`];
  return { path, found: true, accounts: { ...parsed.data, ...own }, warnings };
}

function shortened(texts: readonly string[], separator: string): string {
  const rest = texts.length - MAX_TOLD;
  return [...texts.slice(0, MAX_TOLD), ...(rest > 0 ? [`and ${rest} more`] : [])].join(separator);
}
