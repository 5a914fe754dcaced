/** The same relay without its per-call quality: a copy of the compiled program from which the calls to it are cut. */
import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { projectRoot } from '../../../test/support/project.ts';
import { type Scope, temporaryDirectory } from '../../../test/support/scope.ts';

/** What is cut, a call each: of every RTP packet, of every RTCP packet, and once a second of every session. */
const CUTS: readonly (readonly [file: string, call: string])[] = [
  ['relay/media/path.js', 'counters.analysis.add(now, packet);'],
  ['relay/media/path.js', 'noteReceptionReport(counters, packet, this.#legs[far].counters.analysis.ssrc);'],
  ['relay/engine.js', 'state.media.look(now, session, meters);'],
];

/** Path of its `ims-relay`. @throws Error when the program is no longer written as this file believes */
export async function relayWithoutQuality(scope: Scope): Promise<string> {
  const directory = await temporaryDirectory(scope);
  const source = join(directory, 'build', 'src');
  await mkdir(source, { recursive: true });
  await cp(join(projectRoot, 'build', 'src'), source, { recursive: true });
  await cp(join(projectRoot, 'package.json'), join(directory, 'package.json'));
  await symlink(join(projectRoot, 'node_modules'), join(directory, 'node_modules'));
  for (const [file, call] of CUTS) {
    const path = join(source, file);
    const parts = (await readFile(path, 'utf8')).split(call);
    if (parts.length !== 2) {
      throw new Error(`${file} has "${call}" ${parts.length - 1} times, and not once`);
    }
    await writeFile(path, parts.join(';'));
  }
  return join(source, 'bin', 'ims-relay.js');
}
