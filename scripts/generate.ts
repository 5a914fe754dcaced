/**
 * Writes the files and README parts that are made from the code: `npm run generate`. With `--check` it writes
 * nothing and fails when one of them is stale.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { configJsonSchema, type OptionEntry, optionCatalogue } from '../src/config/catalogue.ts';
import type { Area } from '../src/doctor/ailment.ts';
import { AILMENTS } from '../src/doctor/ailments/index.ts';
import { SYMPTOMS } from '../src/doctor/symptoms.ts';
import { ERRORS } from '../src/errors.ts';
import { type KernelResults, kernelMarkdown } from './bench/kernel/results.ts';
import { type ObserveResults, observeMarkdown } from './bench/observe/results.ts';
import { markdownTable, type RelayResults } from './bench/relay/results.ts';
import { type SipResults, sipMarkdown } from './bench/sip/results.ts';
import { type LossResults, lossMarkdown } from './loss-table/results.ts';

/** From build/scripts/ back to the project. */
const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

interface GeneratedFile {
  readonly path: string;
  readonly text: string;
}

function schemaFile(): GeneratedFile {
  return { path: 'config/config.schema.json', text: `${JSON.stringify(configJsonSchema(), null, 2)}\n` };
}

function readmeFile(): GeneratedFile {
  const path = 'README.md';
  let text = readFileSync(join(ROOT, path), 'utf8');
  text = replacePart(text, 'options', optionTable());
  text = replacePart(text, 'symptoms', symptomTable());
  text = replacePart(text, 'errors', errorTable());
  text = replacePart(text, 'relays', relayTable());
  text = replacePart(text, 'kernel-plane', kernelTable());
  text = replacePart(text, 'calls', callTable());
  text = replacePart(text, 'observe', observeTable());
  text = replacePart(text, 'losses', lossTable());
  return { path, text };
}

/** Replaces what stands between `<!-- name:begin -->` and `<!-- name:end -->`. */
function replacePart(text: string, name: string, content: string): string {
  const begin = `<!-- ${name}:begin -->`;
  const end = `<!-- ${name}:end -->`;
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  if (from < 0 || to < from) {
    throw new Error(`README.md lacks the markers ${begin} and ${end}`);
  }
  return `${text.slice(0, from + begin.length)}\n${content}\n${text.slice(to)}`;
}

function optionTable(): string {
  const rows = optionCatalogue().map((option) =>
    [
      `\`${option.key}\``,
      defaultText(option),
      rangeText(option),
      [option.flag, ...option.env.slice(0, 1)]
        .filter((name) => name !== undefined)
        .map((name) => `\`${name}\``)
        .join(' '),
      option.description,
    ].join(' | '),
  );
  return [
    '| key | default | values | flag, variable | meaning |',
    '|---|---|---|---|---|',
    ...rows.map((row) => `| ${row} |`),
  ].join('\n');
}

function defaultText(option: OptionEntry): string {
  if (option.default === undefined) {
    return '–';
  }
  return option.secret && option.key === 'USERS' ? 'three test users' : `\`${JSON.stringify(option.default)}\``;
}

function rangeText(option: OptionEntry): string {
  if (option.choices !== undefined) {
    return option.choices.map((choice) => `\`${choice}\``).join(' ');
  }
  const unit = option.unit === undefined ? '' : ` ${option.unit}`;
  if (option.minimum !== undefined && option.maximum !== undefined) {
    return `${option.minimum}–${option.maximum}${unit}${option.nullable ? ' or null' : ''}`;
  }
  return option.type;
}

function errorTable(): string {
  const rows = Object.entries(ERRORS).map(
    ([code, { exitCode, remedy }]) => `| \`${code}\` | ${exitCode} | ${remedy} |`,
  );
  return ['| code | exit status | what to do |', '|---|---|---|', ...rows].join('\n');
}

/** Who reads that table has no audio: what is most often the reason comes first. */
const SYMPTOM_AREAS = [
  'relay',
  'media',
  'network',
  'ims',
  'launcher',
  'configuration',
  'system',
] as const satisfies Area[];

/** What the doctor finds, under the code that it prints, and what only people can see. */
function symptomTable(): string {
  const sorted = SYMPTOM_AREAS.flatMap((area) => AILMENTS.filter((ailment) => ailment.area === area));
  const found = sorted.map(({ code, symptom, cause, remedy }) => [symptom, `\`${code}\``, cause, remedy]);
  const seen = SYMPTOMS.map(({ symptom, cause, remedy }) => [symptom, '', cause, remedy]);
  return [
    '| symptom | `check` says | likely cause | what helps |',
    '|---|---|---|---|',
    ...[...found, ...seen].map((row) => `| ${row.join(' | ')} |`),
  ].join('\n');
}

/** What `npm run bench -- relay --json scripts/bench/results/relay.json` has found last. */
function relayTable(): string {
  const text = readFileSync(join(ROOT, 'scripts/bench/results/relay.json'), 'utf8');
  const { reports } = JSON.parse(text) as { reports: readonly (RelayResults & { name: string })[] };
  const results = reports.find(({ name }) => name === 'relay');
  if (results === undefined) {
    throw new Error('scripts/bench/results/relay.json holds no report of the bench "relay"');
  }
  return markdownTable(results);
}

/** What `npm run bench -- kernel --json scripts/bench/results/kernel.json` has found last; it wants a quiet machine, and root. */
function kernelTable(): string {
  const path = join(ROOT, 'scripts/bench/results/kernel.json');
  if (!existsSync(path)) {
    return 'Not measured yet.';
  }
  const { reports } = JSON.parse(readFileSync(path, 'utf8')) as {
    reports: readonly (KernelResults & { name: string })[];
  };
  const results = reports.find(({ name }) => name === 'kernel');
  if (results === undefined) {
    throw new Error('scripts/bench/results/kernel.json holds no report of the bench "kernel"');
  }
  return kernelMarkdown(results);
}

/** What `npm run bench -- sip --json scripts/bench/results/sip.json` has found last. */
function callTable(): string {
  const text = readFileSync(join(ROOT, 'scripts/bench/results/sip.json'), 'utf8');
  const { reports } = JSON.parse(text) as { reports: readonly [SipResults] };
  return sipMarkdown(reports[0]);
}

/** What `npm run bench -- observe --json scripts/bench/results/observe.json` has found last. */
function observeTable(): string {
  const text = readFileSync(join(ROOT, 'scripts/bench/results/observe.json'), 'utf8');
  const { reports } = JSON.parse(text) as { reports: readonly [ObserveResults] };
  return observeMarkdown(reports[0]);
}

/** What `npm run loss-table -- --json scripts/bench/results/loss.json` has found last. */
function lossTable(): string {
  return lossMarkdown(JSON.parse(readFileSync(join(ROOT, 'scripts/bench/results/loss.json'), 'utf8')) as LossResults);
}

function main(): void {
  const checkOnly = process.argv.includes('--check');
  const stale = [schemaFile(), readmeFile()].filter((file) => currentText(file.path) !== file.text);
  if (checkOnly && stale.length > 0) {
    console.error(`stale generated files: ${stale.map((file) => file.path).join(', ')}; run "npm run generate"`);
    process.exitCode = 1;
    return;
  }
  for (const file of stale) {
    writeFileSync(join(ROOT, file.path), file.text);
    console.log(`wrote ${file.path}`);
  }
}

function currentText(path: string): string | undefined {
  try {
    return readFileSync(join(ROOT, path), 'utf8');
  } catch {
    return undefined;
  }
}

main();
