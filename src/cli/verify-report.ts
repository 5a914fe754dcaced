/** What `verify` prints: the relay, the table of directions, the advertised address. */
import pc from 'picocolors';
import { type AdvertisedProof, type DirectionProof, type MediaProof, otherParty } from '../app/media/proof.ts';
import { assertNever } from '../wire/assert-never.ts';
import { formatTransportAddress } from '../wire/ip-address.ts';
import { formatTable } from './table.ts';

/** `isTty`: with borders and colours; else columns of plain text. */
export function formatReport(control: string, relay: string, proof: MediaProof, isTty: boolean): string {
  const lines = [`relay   ${control}  (${relay})`];
  if (proof.media !== undefined) {
    const { caller, callee } = proof.media;
    lines.push(`media   caller → ${formatTransportAddress(caller)}   callee → ${formatTransportAddress(callee)}`);
    lines.push('', directionTable(proof, isTty), '');
  }
  lines.push(...(proof.ok ? ['RTP and RTCP pass both ways.'] : []));
  return `${lines.join('\n')}\n`;
}

const HEAD = ['direction', 'sent', 'received', 'lost', 'delay p50', 'delay p99', 'result'];

function directionTable(proof: MediaProof, isTty: boolean): string {
  const colours = pc.createColors(isTty && pc.isColorSupported);
  const rows = proof.directions.map((direction) => {
    const verdict = direction.ok ? colours.green('ok') : colours.red(flawOf(direction));
    return [
      `${direction.from} → ${otherParty(direction.from)} ${direction.component.toUpperCase()}`,
      direction.sent,
      direction.received,
      direction.lost,
      formatDelay(direction.delayP50Ms),
      formatDelay(direction.delayP99Ms),
      verdict,
    ];
  });
  if (proof.advertised !== undefined) {
    rows.push(advertisedRow(proof.advertised));
  }
  return formatTable(HEAD, rows, ['left', 'right', 'right', 'right', 'right', 'right', 'left'], isTty);
}

function flawOf(direction: DirectionProof): string {
  const flaws: [number, string][] = [
    [direction.altered, 'altered'],
    [direction.wrongSource, 'wrong source port'],
    [direction.duplicated, 'doubled'],
    [direction.lost, direction.received === 0 ? 'dead' : 'lossy'],
    [direction.reordered, 'out of order'],
  ];
  return flaws.find(([count]) => count > 0)?.[1] ?? 'failed';
}

function advertisedRow({ address, kind, sent, received }: AdvertisedProof): (string | number)[] {
  const name = `advertised ${address}`;
  switch (kind) {
    case 'bound':
      return [name, '', '', '', '', '', 'the address above'];
    case 'not-tried':
      return [name, '', '', '', '', '', 'not tried: not an address of this host (for information)'];
    case 'reached':
      return [name, sent, received, sent - received, '', '', 'reached (for information)'];
    case 'unreached':
      return [name, sent, received, sent - received, '', '', 'not reached from here (for information)'];
    default:
      return assertNever(kind);
  }
}

function formatDelay(delayMs: number | undefined): string {
  return delayMs === undefined ? '–' : `${delayMs.toFixed(2)} ms`;
}
