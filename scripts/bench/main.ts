/**
 * `npm run bench -- supervisor|control|relay|kernel|sip|observe [--json FILE]`: figures beside those of others in the same run, on this machine.
 * They are printed, with ratios, and never asserted: what a machine is worth is no property of the program.
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { benchControl } from './control.ts';
import { benchKernel } from './kernel/kernel.ts';
import { printKernelResults } from './kernel/results.ts';
import { benchObserve } from './observe/observe.ts';
import { printObserveResults } from './observe/results.ts';
import { benchRelay } from './relay/relay.ts';
import { printResults } from './relay/results.ts';
import { describeMachine, printReport } from './report.ts';
import { printSipResults } from './sip/results.ts';
import { benchSip } from './sip/sip.ts';
import { benchSupervisor } from './supervisor.ts';

const OPTIONS = {
  json: { type: 'string' },
  calls: { type: 'string' },
  rate: { type: 'string', default: '40000' },
  seconds: { type: 'string' },
  rounds: { type: 'string', default: '3' },
  rates: { type: 'string', default: '25,50,100,200,400,600,800' },
  only: { type: 'string' },
  registrations: { type: 'string', default: '100000' },
  'no-ladder': { type: 'boolean', default: false },
  nice: { type: 'string' },
} as const;

type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values'];

/** Prints what it found and returns it as data. */
const BENCHES: Readonly<Record<string, (values: Values) => Promise<object>>> = {
  supervisor: async () => {
    const report = await benchSupervisor();
    printReport(report);
    return report;
  },
  control: async () => {
    const report = await benchControl();
    printReport(report);
    return report;
  },
  relay: async (values) => {
    const results = await benchRelay({
      calls: whole('calls', values.calls ?? '500'),
      seconds: whole('seconds', values.seconds ?? '10'),
      rounds: whole('rounds', values.rounds),
      only: values.only?.split(','),
      ladder: !values['no-ladder'],
      nice: values.nice === undefined ? null : Number(values.nice),
    });
    printResults(results);
    return { name: 'relay', ...results };
  },
  kernel: async (values) => {
    const results = await benchKernel({
      calls: whole('calls', values.calls ?? '400'),
      rate: whole('rate', values.rate),
      seconds: whole('seconds', values.seconds ?? '5'),
      rounds: whole('rounds', values.rounds),
      only: values.only?.split(','),
      ladder: !values['no-ladder'],
      nice: values.nice === undefined ? null : Number(values.nice),
    });
    printKernelResults(results);
    return { name: 'kernel', ...results };
  },
  observe: async (values) => {
    const results = await benchObserve({
      calls: whole('calls', values.calls ?? '500'),
      seconds: whole('seconds', values.seconds ?? '10'),
      rounds: whole('rounds', values.rounds),
    });
    printObserveResults(results);
    return { name: 'observe', ...results };
  },
  sip: async (values) => {
    const rates = values.rates.split(',').map((rate) => whole('rates', rate));
    const results = await benchSip({
      rates,
      seconds: whole('seconds', values.seconds ?? '10'),
      only: values.only?.split(','),
      registrations: Number(values.registrations),
    });
    printSipResults(results);
    return { name: 'sip', ...results };
  },
};

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: OPTIONS });
  const names = positionals.length === 0 ? Object.keys(BENCHES) : positionals;
  const reports: object[] = [];
  for (const name of names) {
    const bench = BENCHES[name];
    if (bench === undefined) {
      throw new Error(`there is no bench "${name}"; there is ${Object.keys(BENCHES).join(', ')}`);
    }
    reports.push(await bench(values));
  }
  if (values.json !== undefined) {
    await writeFile(values.json, `${JSON.stringify({ ...describeMachine(), reports }, null, 2)}\n`);
  }
}

function whole(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) {
    throw new Error(`--${name} takes a whole number above 0`);
  }
  return value;
}

await main();
