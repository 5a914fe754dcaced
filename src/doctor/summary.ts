/** What is well, an area a line: a report of a healthy system fits on a screen and still says what was looked at. */
import type { Area } from './ailment.ts';
import { nameProgram } from './facts/holder.ts';
import type { Facts } from './facts.ts';

const SUMMARIES: Readonly<Record<Area, (facts: Facts) => string>> = {
  configuration: ({ configuration: { path, found } }) => (found ? path : `no file at ${path}: the defaults`),
  launcher: ({ launcher }) =>
    launcher.kind === 'running' ? `${launcher.verdict}, process ${launcher.pid}` : 'ims-launch does not run',
  relay: ({ relay }) =>
    relay.answer?.kind === 'rtpproxy'
      ? `answers on udp ${relay.control}${relay.owner === undefined ? '' : `, ${nameProgram(relay.owner)}`}`
      : `udp ${relay.control}`,
  media: ({ relay: { media } }) =>
    media === undefined ? 'not tried: there is no relay' : `RTP and RTCP pass both ways${delayOf(media.directions)}`,
  ims: ({ ims }) =>
    ims.answer === 'answered'
      ? `answers on SIP port ${ims.sipPort}${ims.owner === undefined ? '' : `, ${nameProgram(ims.owner)}`}`
      : `nobody on SIP port ${ims.sipPort}`,
  network: ({ network: { address, range, firewall } }) => {
    const ports = `udp ${range.min}-${range.max} for ${range.calls} ${range.calls === 1 ? 'call' : 'calls'}`;
    if (address.kind === 'unknown') {
      return ports; // nobody knows where phones would send to
    }
    const isRead = Object.values(firewall).some((listing) => listing !== undefined);
    const rules = isRead ? 'no firewall rule in the way' : 'firewall rules could not be read';
    return `${address.advertised} is told, ${ports}, ${rules}`;
  },
  system: ({ system, relay }) => {
    const files = relay.fileLimit ?? system.fileLimit;
    const buffers = system.receiveBuffer?.default;
    return [
      ...(files === undefined ? [] : [`${files} files`]),
      ...(buffers === undefined ? [] : [`receive buffers ${Math.round(buffers / 1024)} KiB`]),
      'clock steady',
    ].join(', ');
  },
};

export function summaryOf(area: Area, facts: Facts): string {
  return SUMMARIES[area](facts);
}

function delayOf(directions: readonly { readonly delayP50Ms: number | undefined }[]): string {
  const delay = directions[0]?.delayP50Ms;
  return delay === undefined ? '' : ` in ${delay.toFixed(1)} ms`;
}
