/** What a capture says of itself. */
import type { CaptureFigures, Ending } from './capture-session.ts';

/** tshark takes this one for SIP without being told. */
const SIP_PORT = 5060;

export function formatProgress(figures: CaptureFigures, bytes: number, name: string): string {
  return `capturing into ${name}: ${countsOf(figures, bytes)}; Ctrl-C ends it`;
}

export function formatEnd(figures: CaptureFigures, bytes: number, name: string, ending: Ending): string {
  const lines = [`${name}: ${countsOf(figures, bytes)}: ${ENDINGS[ending]}`];
  if (figures.sipDropped + figures.mediaDropped > 0) {
    const { sipDropped, mediaDropped } = figures;
    lines.push(`missing, because they came too fast: ${sipDropped} SIP messages, ${mediaDropped} packets of media`);
  }
  const ports = [...figures.sipPorts].filter((port) => port !== SIP_PORT);
  if (ports.length > 0) {
    lines.push(
      `tshark and Wireshark are told where SIP is: ${ports.map((port) => `-d udp.port==${port},sip`).join(' ')}`,
    );
  }
  if (figures.sipIsAbsent && figures.mediaPackets > 0) {
    lines.push('tshark and Wireshark find RTP without SIP so: --enable-heuristic rtp_udp');
  }
  return lines.map((line) => `${line}\n`).join('');
}

const ENDINGS = {
  interrupted: 'ended as asked',
  time: 'the time is over',
  full: 'it has its largest size (--max-megabytes)',
  'reader-gone': 'nobody reads it any more',
  'call-over': 'the call is over',
  'relay-gone': 'the relay that it came from has ended',
  'launcher-stopped': 'ims-launch has stopped',
} as const satisfies Record<Ending, string>;

function countsOf({ sipMessages, mediaPackets, startedAt }: CaptureFigures, bytes: number): string {
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  const megabytes = (bytes / 1_000_000).toFixed(1);
  return `${sipMessages} SIP messages, ${mediaPackets} packets of media, ${megabytes} MB, ${seconds} s`;
}
