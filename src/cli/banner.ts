/** The block that tells an operator, once the system is up, where it is and how to register a phone. */
import type { LaunchFacts, RelayFacts } from '../app/launch/facts.ts';
import { formatHost } from '../wire/ip-address.ts';

const LABEL_WIDTH = 12;

export function formatBanner(facts: LaunchFacts, version: string): string {
  const { sip, address, media, relay, furtherRelays, users, publishedUsers, dashboard } = facts;
  const server = `${formatHost(address.advertised)}:${sip.publicPort}`;
  const listens = sip.listen.length > 0 ? sip.listen.join(', ') : `UDP port ${sip.port}`;
  const program = sip.command === undefined ? 'ims-server' : sip.command.join(' ');
  const rows: [string, string][] = [
    ['SIP', `${listens}  (${program}, pid ${sip.pid})`],
    ['advertised', `${address.advertised}  (${address.source})`],
    ['media', `UDP ${media.minPort}-${media.maxPort} on ${address.bind}`],
    ...relayRows(relay, furtherRelays.length > 0),
    ...furtherRelays.map((text): [string, string] => ['and relay', text]),
    ...(dashboard === undefined ? [] : [['dashboard', dashboard] as [string, string]]),
    ['phone', phoneHint(server, users)],
    ['', 'call another user by its name; "ims-launch verify" sends test audio through the relay'],
    ...[...publishedWarning(publishedUsers), ...facts.warnings].map((text): [string, string] => ['warning', text]),
    ['stop', 'Ctrl-C'],
  ];
  const lines = rows.map(([label, text]) => `  ${label.padEnd(LABEL_WIDTH)}${text}`);
  return [`ims-launch ${version} is ready`, ...lines, ''].join('\n');
}

function relayRows(relay: RelayFacts, hasOthers: boolean): [string, string][] {
  switch (relay.kind) {
    case 'started': {
      const { details } = relay;
      const program = relay.command?.join(' ') ?? `ims-relay ${details?.version ?? ''}`.trim();
      const plane: [string, string][] =
        details === undefined ? [] : [['plane', `${details.plane}  (${details.planeReason})`]];
      return [['relay', `${relay.control}  (started: ${program}, pid ${relay.pid})`], ...plane];
    }
    case 'found':
      return [
        ['relay', `${relay.control}  (found: ${relay.description}; it will not be stopped)`],
        ['plane', 'the found relay’s own'],
      ];
    case 'absent': {
      const consequence = hasOthers ? 'calls go to the others' : 'calls get 503';
      return [['relay', `${relay.control}  does not answer (${relay.reason}): ${consequence} until it does`]];
    }
  }
}

function phoneHint(server: string, users: readonly string[]): string {
  const [first] = users;
  if (first === undefined) {
    return `server ${server}, UDP; there are no users: add some under USERS in the configuration`;
  }
  const others = users.length > 1 ? ` (or ${users.slice(1, 4).join(', ')}${users.length > 4 ? ', …' : ''})` : '';
  return `server ${server}, UDP, user ${first}${others}, password from USERS in the configuration`;
}

function publishedWarning(users: readonly string[]): string[] {
  return users.length === 0
    ? []
    : [
        `the password of ${users.join(', ')} is published: it works only from loopback and private addresses; ` +
          'set others under USERS',
      ];
}
