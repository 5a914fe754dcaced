import type { Incoming } from '../b2bua/crossing.ts';
import { callId as callIdField } from '../message/headers/call-id.ts';
import { contactExpires, contact as contactField, contactQ } from '../message/headers/contact.ts';
import { cseq as cseqField } from '../message/headers/cseq.ts';
import { expires as expiresField } from '../message/headers/expires.ts';
import type { NameAddr } from '../message/headers/name-addr.ts';
import { to as toField } from '../message/headers/to.ts';
import { formatUri, parseUri } from '../message/uri.ts';
import type { Binding, RequestedBinding } from '../registrar/binding.ts';
import type { MethodSpec } from './method.ts';
import { registeredWay } from './registered-way.ts';

/** It is kept for each device, for people to read. */
const LONGEST_USER_AGENT = 120;

/** RFC 3261 10.3: the phone tells where it is, and proves to be the user whose place that is. */
export const register: MethodSpec = {
  name: 'REGISTER',
  rfc: 'RFC 3261 10',
  handle(server, incoming) {
    const { request, flow } = incoming;
    const aor = server.directory.resolve(request.headers.read(toField)?.uri ?? '');
    if (aor.kind !== 'local') {
      const reason =
        aor.kind === 'foreign'
          ? `the domain ${aor.host} is not served here; add it to ims.domains if it should be`
          : 'To names no user';
      return [server.refuse(incoming, 404, { reason })];
    }
    const verdict = server.gatekeeper.admit(server, incoming, aor.user, 'www');
    if (verdict.kind !== 'admitted') {
      return verdict.effects;
    }
    const { maxContacts } = server.registrar;
    if (request.headers.getAll('Contact').length > maxContacts) {
      return [server.respond(incoming, 403, { reason: `more than ${maxContacts} contacts in one request` })];
    }
    const contacts = readContacts(incoming);
    if (typeof contacts === 'string' && contacts !== '*') {
      return [server.respond(incoming, 400, { reason: contacts })];
    }
    const way = registeredWay(request, readableContacts(incoming), server.registrar.flowTimerSeconds);
    if (way.kind === 'refused') {
      return [server.respond(incoming, way.status, { reason: way.reason })];
    }
    const outcome = server.registrar.register(server.now, {
      aor: aor.user,
      callId: request.headers.read(callIdField) ?? '',
      cseq: request.headers.read(cseqField)?.number ?? 0,
      contacts,
      expires: request.headers.read(expiresField),
      flow,
      path: way.path,
      userAgent: request.headers.get('User-Agent')?.slice(0, LONGEST_USER_AGENT),
    });
    switch (outcome.status) {
      case 200: {
        const headers = outcome.bindings.map((binding) => ['Contact', formatBinding(binding, server.now)] as const);
        const events = outcome.events.map((event) => ({ kind: 'registration', event }) as const);
        return [server.respond(incoming, 200, { headers: [...headers, ...way.answer] }), ...events];
      }
      case 423:
        return [server.respond(incoming, 423, { headers: [['Min-Expires', String(outcome.minExpires)]] })];
      default:
        return [server.respond(incoming, outcome.status, { reason: outcome.reason })];
    }
  },
};

/** The contacts, `*`, or a sentence that says what is wrong with them. */
function readContacts({ request }: Incoming): readonly RequestedBinding[] | string {
  const contacts = request.headers.readAll(contactField);
  if (!contacts.ok) {
    return `Contact is malformed: ${contacts.error.code}`;
  }
  if (contacts.value.includes('*')) {
    return contacts.value.length === 1 ? '*' : 'Contact: * stands beside another one';
  }
  const bindings: RequestedBinding[] = [];
  for (const contact of contacts.value) {
    const uri = contact === '*' ? undefined : parseUri(contact.uri);
    if (contact === '*' || uri?.ok !== true || uri.value.kind !== 'sip') {
      return 'Contact is not a SIP URI';
    }
    if (uri.value.headers !== undefined) {
      return 'Contact has header fields in its URI (RFC 3261 19.1.1)';
    }
    const parameters = contact.parameters.without('expires').without('q');
    bindings.push({
      uri: uri.value,
      params: parameters.toString(),
      q: contactQ(contact),
      expires: contactExpires(contact),
      instance: instanceOf(contact),
    });
  }
  return bindings;
}

function readableContacts({ request }: Incoming): readonly NameAddr[] {
  const contacts = request.headers.readAll(contactField);
  return contacts.ok ? contacts.value.filter((contact) => contact !== '*') : [];
}

/** RFC 5626 4.1: the device, and which of its flows. */
function instanceOf({ parameters }: NameAddr): string | undefined {
  const instance = parameters.get('+sip.instance');
  return instance === undefined ? undefined : `${instance};${parameters.get('reg-id') ?? ''}`;
}

function formatBinding(binding: Binding, now: number): string {
  const seconds = Math.max(0, Math.round((binding.expiresAt - now) / 1000));
  const q = binding.q === 1 ? '' : `;q=${binding.q}`;
  return `<${formatUri(binding.uri)}>${binding.params}${q};expires=${seconds}`;
}
