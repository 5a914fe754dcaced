/**
 * `npm run loss-table [-- --calls 500] [--json FILE]`: calls through the real SIP core in virtual time, over a link that
 * loses, doubles and reorders datagrams; how many end as they were meant to, and whether anything is left of any of them.
 * Everything goes by seeds: the same command prints the same table.
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { judge, SCENARIOS } from '../../test/sim/calls/scene.ts';
import { type LossResults, lossMarkdown } from './results.ts';

/** Shares of the datagrams on each link, both ways; the caller's path and the callee's are two links. */
const LOSSES = [0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3];

function measure(calls: number): LossResults {
  const rows = SCENARIOS.map((scenario) => {
    const cells = LOSSES.map((loss) => Array.from({ length: calls }, (_, seed) => judge(scenario, seed + 1, loss)));
    return {
      scenario: scenario.name,
      asMeant: cells.map((cell) => cell.filter(({ asMeant }) => asMeant).length),
      unclean: cells.map((cell) => cell.filter(({ clean }) => !clean).length),
      ringOn: cells.map((cell) => cell.filter(({ ringsOn }) => ringsOn).length),
      datagrams: cells.map((cell) => Math.round(cell.reduce((sum, verdict) => sum + verdict.datagrams, 0) / calls)),
    };
  });
  return { calls, losses: LOSSES, rows };
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { calls: { type: 'string', default: '500' }, json: { type: 'string' } } });
  const calls = Number(values.calls);
  if (!Number.isInteger(calls) || calls < 1) {
    throw new Error('--calls takes a whole number above 0');
  }
  const results = measure(calls);
  console.log(lossMarkdown(results));
  if (values.json !== undefined) {
    await writeFile(values.json, `${JSON.stringify(results, null, 2)}\n`);
  }
  process.exitCode = results.rows.some(({ unclean }) => unclean.some((count) => count > 0)) ? 1 : 0;
}

await main();
