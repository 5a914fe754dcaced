/** The last two words of a `U`: who is told of a time-out, and of keys (`M3:1`). Only targets of `-n` can be, or anybody could be sent to. */
import { type NotifyAddress, parseNotifyTarget, sameNotifyTarget } from '../../rtpp/notify.ts';
import { familyOf } from '../../wire/ip-address.ts';
import type { Session } from '../session.ts';
import type { RelayState } from '../state.ts';

/** Undefined, and a line in the log: the target is not one of `-n`. The command succeeds all the same, as rtpproxy's. */
export function chooseNotify(
  state: RelayState,
  now: number,
  session: Session,
  text: string,
  tag: string,
  senderHost: string,
): Session['notify'] {
  const asked = parseNotifyTarget(text);
  const listed = asked.ok && state.settings.notifyTargets.some((target) => sameNotifyTarget(target, asked.value));
  if (!asked.ok || !listed) {
    const count = state.notifyLog.allow(now);
    if (count !== undefined) {
      const fields = { callId: session.callId, remote: text, count };
      state.log.warn(fields, 'no notification: its target is not one of -n');
    }
    return undefined;
  }
  const target: NotifyAddress =
    asked.value.kind === 'sender' ? { kind: 'tcp', host: ipv4Of(senderHost), port: asked.value.port } : asked.value;
  return { target, tag };
}

/** Commands from unix sockets, standard input and IPv6 come from this machine as far as a notification goes. */
function ipv4Of(host: string): string {
  return familyOf(host) === 4 ? host : '127.0.0.1';
}
