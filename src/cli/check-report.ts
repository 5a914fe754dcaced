/** What `check` prints: a line an area, then each finding with what was met and what to type. */
import pc from 'picocolors';
import { AREAS, type Area, type Finding } from '../doctor/ailment.ts';
import { areFacts, type Facts, type NoFacts } from '../doctor/facts.ts';
import { summaryOf } from '../doctor/summary.ts';
import { readableLine } from '../observe/readable-line.ts';

const TITLES = {
  configuration: 'configuration',
  launcher: 'ims-launch',
  relay: 'relay',
  media: 'media',
  ims: 'IMS',
  network: 'network',
  system: 'system',
} as const satisfies Record<Area, string>;

export function formatCheck(facts: Facts | NoFacts, findings: readonly Finding[], isTty: boolean): string {
  const colours = pc.createColors(isTty && pc.isColorSupported);
  const words = {
    breaks: colours.red('broken '),
    warns: colours.yellow('warning'),
    ok: colours.green('ok     '),
    none: colours.dim('–      '),
  };
  const lineOf = (area: Area, known: Facts): string => {
    const found = findings.filter((finding) => finding.area === area);
    const state = found[0]?.severity ?? (isLookedAt(area, known) ? 'ok' : 'none');
    const isClaim = PRAISED.has(area) && found.length > 0;
    const text = isClaim ? found.map(({ code }) => code).join(', ') : summaryOf(area, known);
    return `${words[state]}  ${TITLES[area].padEnd(13)}  ${readableLine(text)}`;
  };
  const table = areFacts(facts) ? AREAS.map((area) => lineOf(area, facts)) : [];
  const details = findings.flatMap(({ code, severity, evidence, fix }) => [
    '',
    `${words[severity].trim()}  ${colours.bold(code)}`,
    ...evidence.split('\n').map((line) => `  ${readableLine(line)}`),
    `  fix: ${colours.cyan(readableLine(fix))}`,
  ]);
  return `${[...table, ...details, '', verdictOf(findings)].join('\n').trimStart()}\n`;
}

/** Their summary says that all is well: not beside a finding. */
const PRAISED: ReadonlySet<Area> = new Set(['media', 'network', 'system']);

/** Neither well nor wrong: what is not there cannot be looked at. */
function isLookedAt(area: Area, { launcher, relay, ims }: Facts): boolean {
  switch (area) {
    case 'launcher':
      return launcher.kind === 'running';
    case 'media':
      return relay.media !== undefined;
    case 'ims':
      return ims.answer === 'answered';
    default:
      return true;
  }
}

function verdictOf(findings: readonly Finding[]): string {
  const broken = findings.filter(({ severity }) => severity === 'breaks').length;
  const warnings = findings.length - broken;
  if (findings.length === 0) {
    return 'Nothing found: calls that reach this machine have audio.';
  }
  const parts = [
    ...(broken === 0 ? [] : [`${broken} ${broken === 1 ? 'finding breaks' : 'findings break'} calls`]),
    ...(warnings === 0 ? [] : [`${warnings} ${warnings === 1 ? 'warning' : 'warnings'}`]),
  ];
  return `${parts.join(', ')}.${broken > 0 ? ' Type the first fix, then check again.' : ''}`;
}
