import { chmodSync, chownSync, readFileSync } from 'node:fs';
import { ImsError } from '../errors.ts';

/**
 * Becomes `user[:group]` or `:group`, for good: sockets and files have to be open by now. With a group, the unix
 * sockets at `socketPaths` are given to it with `socketMode`, as rtpproxy does.
 *
 * @throws ImsError IMS_ERR_USAGE when there is no such user or group, or it is not permitted
 */
export function becomeUser(user: string, socketPaths: readonly string[], socketMode: number): void {
  const [name = '', group] = user.split(':');
  try {
    const gid = group === undefined ? idOf('/etc/passwd', name, 3) : idOf('/etc/group', group, 2);
    if (group !== undefined) {
      for (const path of socketPaths) {
        chownSync(path, process.getuid?.() ?? 0, gid);
        chmodSync(path, socketMode);
      }
    }
    process.setgroups?.([gid]);
    process.setgid?.(gid);
    if (name !== '') {
      process.setuid?.(name);
    }
  } catch (cause) {
    throw new ImsError('IMS_ERR_USAGE', `-u ${user}: ${(cause as Error).message}`, { cause });
  }
}

/** A number from passwd(5) or group(5), which Node has no call for; numbers stand for themselves in group. */
function idOf(path: string, name: string, column: number): number {
  const rows = readFileSync(path, 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  const id = Number(rows.find(([first]) => first === name)?.[column] ?? (column === 2 ? name : Number.NaN));
  if (name === '' || !Number.isInteger(id)) {
    throw new Error(`there is no ${column === 2 ? 'group' : 'user'} "${name}"`);
  }
  return id;
}
