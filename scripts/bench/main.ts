/**
 * `npm run bench -- supervisor [--json FILE]`: figures beside those of others in the same run, on this machine. They
 * are printed, with ratios, and never asserted: what a machine is worth is no property of the program.
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { type BenchReport, describeMachine, printReport } from './report.ts';
import { benchSupervisor } from './supervisor.ts';

const BENCHES: Readonly<Record<string, () => Promise<BenchReport>>> = {
  supervisor: benchSupervisor,
};

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { json: { type: 'string' } } });
  const names = positionals.length === 0 ? Object.keys(BENCHES) : positionals;
  const reports: BenchReport[] = [];
  for (const name of names) {
    const bench = BENCHES[name];
    if (bench === undefined) {
      throw new Error(`there is no bench "${name}"; there is ${Object.keys(BENCHES).join(', ')}`);
    }
    const report = await bench();
    printReport(report);
    reports.push(report);
  }
  if (values.json !== undefined) {
    await writeFile(values.json, `${JSON.stringify({ ...describeMachine(), reports }, null, 2)}\n`);
  }
}

await main();
