/** Who is registered, as people are told. */
import type { RegistrationReport, RegistrationsAnswer } from '../../observe/ipc.ts';
import { formatUri } from '../../sip/message/uri.ts';
import type { Binding } from '../../sip/registrar/binding.ts';
import { clientOf } from '../../sip/transaction/flow.ts';
import { formatTransportAddress } from '../../wire/ip-address.ts';

export function registrationsAnswer(
  now: number,
  users: Iterable<readonly [aor: string, bindings: readonly Binding[]]>,
  limit: number,
): RegistrationsAnswer {
  const registrations: RegistrationReport[] = [];
  let total = 0;
  for (const [aor, bindings] of users) {
    for (const binding of bindings) {
      // Those that have just run out are swept a moment later.
      if (binding.expiresAt > now) {
        total += 1;
        if (registrations.length < limit) {
          registrations.push(report(now, aor, binding));
        }
      }
    }
  }
  return { total, registrations };
}

function report(now: number, aor: string, { uri, flow, expiresAt, userAgent }: Binding): RegistrationReport {
  return {
    aor,
    contact: formatUri(uri),
    source: `${flow.transport} ${formatTransportAddress(clientOf(flow))}`,
    leftSeconds: Math.ceil((expiresAt - now) / 1000),
    userAgent: userAgent ?? null,
  };
}
