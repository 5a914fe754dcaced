/**
 * `node report.js FOLDER [--rows] [--all]`: what the lines of the reporter in FOLDER say about the hundred rows. `--rows`
 * prints each of them; with `--all` a row that has no passed test and is not manual is a failure: status 1.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { judgeRows, type Outcome, summary, unknownRows } from './outcomes.ts';
import { CHAPTERS } from './rows.ts';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { rows: { type: 'boolean', default: false }, all: { type: 'boolean', default: false } },
});
const [folder = ''] = positionals;

const outcomes = readdirSync(folder)
  .flatMap((name) => readFileSync(join(folder, name), 'utf8').split('\n'))
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line) as Outcome);
const judged = judgeRows(outcomes);

if (values.rows) {
  for (const { title, from, rules } of CHAPTERS) {
    console.log(`\n${title}`);
    for (const { number, rule, verdict, tests } of judged.slice(from - 1, from - 1 + rules.length)) {
      console.log(
        `${String(number).padStart(4)}  ${verdict.padEnd(8)} ${tests > 1 ? `${tests} tests  ` : '        '}${rule}`,
      );
    }
  }
}
console.log(`\n${summary(judged)}`);

const slips = unknownRows(outcomes);
if (slips.length > 0) {
  console.error(`tests claim rows that do not exist: ${slips.join(', ')}`);
  process.exitCode = 1;
}
if (values.all && judged.some(({ verdict }) => !['passed', 'manual'].includes(verdict))) {
  console.error('each row needs a test that passes, or a reason why it has none (test/faults/rows.ts)');
  process.exitCode = 1;
}
