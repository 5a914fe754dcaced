import type { VerbLetter } from '../../rtpp/verbs.ts';
import { copy } from './copy.ts';
import { deleteSession } from './delete.ts';
import { deleteAll } from './delete-all.ts';
import { info } from './info.ts';
import { lookup } from './lookup.ts';
import { noRecord } from './no-record.ts';
import { play } from './play.ts';
import { query } from './query.ts';
import { record } from './record.ts';
import type { CommandSpec } from './spec.ts';
import { statistics } from './statistics.ts';
import { stop } from './stop.ts';
import { update } from './update.ts';
import { capability, version } from './version.ts';

export const COMMANDS: Readonly<Record<VerbLetter, CommandSpec>> = {
  U: update,
  L: lookup,
  D: deleteSession,
  P: play,
  S: stop,
  R: record,
  C: copy,
  N: noRecord,
  Q: query,
  V: version,
  VF: capability,
  I: info,
  G: statistics,
  X: deleteAll,
};
