import type { Ailment } from '../ailment.ts';
import { end } from '../commands.ts';
import { nameProcess } from '../facts/holder.ts';

export const relayForeign: Ailment = {
  code: 'relay-foreign',
  area: 'relay',
  severity: 'breaks',
  symptom: '`ims-launch` exits 69 at once; elsewhere no audio both ways',
  cause: 'a program that is no RTPP relay holds udp 7722',
  remedy: 'stop the program named, or choose another `relay.port`',
  diagnose: ({ relay }) =>
    relay.answer?.kind === 'foreign'
      ? {
          evidence: `what answers on udp ${relay.control} is no RTPP relay but ${nameProcess(relay.owner)}: ${JSON.stringify(relay.answer.answer.slice(0, 60))}`,
          fix: end(relay.owner, 'udp', relay.port),
        }
      : undefined,
};
