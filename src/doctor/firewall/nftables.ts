/** `nft -j list ruleset` (libnftables-json(5)). What a rule tests beyond ports, protocol, interface and state is a "maybe". */
import {
  type Action,
  allOf,
  type Chain,
  judge,
  type Match,
  type Packet,
  type Rule,
  type Verdict,
  when,
} from './rules.ts';

/** A table that a verdict may come from. */
export interface NftObstacle {
  readonly family: string;
  readonly table: string;
  readonly chain: string;
}

type Json = Readonly<Record<string, unknown>>;

/** Every base chain on the way in has to let a packet pass: the first that surely does not. */
export function judgeNftables(text: string, packet: Packet): Verdict & { readonly where?: NftObstacle } {
  const items = itemsOf(text);
  const rules = items.flatMap(({ rule }) => (isObject(rule) ? [rule] : []));
  const declared = items.flatMap(({ chain }) => (isObject(chain) ? [chain] : []));
  let undecided = false;
  for (const base of declared.filter((chain) => isOnTheWayIn(chain, packet))) {
    const family = String(base['family']);
    const table = String(base['table']);
    const chains = new Map(
      declared
        .filter((chain) => chain['family'] === family && chain['table'] === table)
        .map((chain): [string, Chain] => [String(chain['name']), chainOf(chain, rules)]),
    );
    const name = String(base['name']);
    const chain = chains.get(name);
    const verdict = chain === undefined ? undefined : judge(chain, chains, packet);
    if (verdict?.kind === 'dropped') {
      return { ...verdict, where: { family, table, chain: name } };
    }
    undecided ||= verdict?.kind === 'undecided';
  }
  return { kind: undecided ? 'undecided' : 'accepted' };
}

function itemsOf(text: string): Json[] {
  try {
    const ruleset = (JSON.parse(text) as { nftables?: unknown }).nftables;
    return Array.isArray(ruleset) ? ruleset.filter(isObject) : [];
  } catch {
    return [];
  }
}

/** Chains of `nat` see the first packet only, and decide nothing. */
function isOnTheWayIn({ family, type, hook }: Json, packet: Packet): boolean {
  const families = ['inet', packet.family === 4 ? 'ip' : 'ip6'];
  return families.includes(String(family)) && type === 'filter' && (hook === 'input' || hook === 'prerouting');
}

function chainOf(chain: Json, rules: readonly Json[]): Chain {
  const { family, table, name, policy } = chain;
  const place = `nft table ${family} ${table}, chain ${name}`;
  return {
    policy: policy === 'drop' ? 'drop' : 'accept',
    policyText: `${place}: policy drop, and no rule lets it in`,
    rules: rules
      .filter((rule) => rule['family'] === family && rule['table'] === table && rule['chain'] === name)
      .map((rule) => ruleOf(rule, place)),
  };
}

function ruleOf(rule: Json, place: string): Rule {
  const statements = Array.isArray(rule['expr']) ? rule['expr'].filter(isObject) : [];
  const tests: ((packet: Packet) => Match)[] = [];
  let action: Action = { kind: 'none' };
  for (const statement of statements) {
    const [kind = ''] = Object.keys(statement);
    const value = statement[kind];
    if (kind === 'match' && isObject(value)) {
      tests.push(testOf(value));
    } else if (kind === 'accept' || kind === 'drop' || kind === 'return') {
      action = { kind };
    } else if (kind === 'reject') {
      action = { kind: 'drop' };
    } else if ((kind === 'jump' || kind === 'goto') && isObject(value)) {
      action = { kind, chain: String(value['target']) };
    } else if (
      kind === 'vmap' ||
      kind === 'queue' ||
      (kind === 'xt' && isObject(value) && value['type'] === 'target')
    ) {
      // iptables' own targets are read from iptables -S.
      action = { kind: 'unknown' };
    } else if (!['counter', 'log', 'comment', 'mangle', 'notrack', 'ct'].includes(kind)) {
      tests.push(() => 'maybe');
    }
  }
  return {
    matches: (packet) => allOf(tests.map((test) => test(packet))),
    action,
    text: `${place}, rule handle ${rule['handle']}`,
  };
}

function testOf({ op, left, right }: Json): (packet: Packet) => Match {
  const subject = isObject(left) ? left : {};
  const compare = (value: string | number): Match => {
    const isIn = contains(right, value);
    return isIn === undefined ? 'maybe' : when(op === '!=' ? !isIn : isIn);
  };
  const { payload, meta, ct } = subject as { payload?: Json; meta?: Json; ct?: Json };
  if (payload?.['field'] === 'dport') {
    const isUdp = payload['protocol'] === 'udp' || payload['protocol'] === 'th';
    return ({ port }) => (isUdp ? compare(port) : 'no');
  }
  if (payload?.['field'] === 'protocol' || payload?.['field'] === 'nexthdr' || meta?.['key'] === 'l4proto') {
    return () => compare('udp');
  }
  if (payload !== undefined && ['tcp', 'icmp', 'icmpv6', 'sctp'].includes(String(payload['protocol']))) {
    return () => 'no';
  }
  if (meta?.['key'] === 'nfproto') {
    return ({ family }) => compare(family === 4 ? 'ipv4' : 'ipv6');
  }
  if (meta?.['key'] === 'iifname' || meta?.['key'] === 'iif') {
    // Of other interfaces only "lo or not" is known.
    return ({ loopback }) =>
      loopback || contains(right, 'lo') === true ? compare(loopback ? 'lo' : 'another') : 'maybe';
  }
  if (ct?.['key'] === 'state') {
    return () => compare('new');
  }
  return () => 'maybe';
}

/** Whether a value is what is compared with, within a range, or in a set; undefined: that cannot be seen. */
function contains(right: unknown, value: string | number): boolean | undefined {
  if (typeof right === 'string' || typeof right === 'number') {
    // A named set.
    return typeof right === 'string' && right.startsWith('@') ? undefined : right === value;
  }
  if (Array.isArray(right)) {
    const found = right.map((item) => contains(item, value));
    return found.includes(true) ? true : found.includes(undefined) ? undefined : false;
  }
  if (isObject(right) && Array.isArray(right['range'])) {
    const [first, last] = right['range'].map(Number);
    return Number(value) >= Number(first) && Number(value) <= Number(last);
  }
  return isObject(right) && 'set' in right ? contains(right['set'], value) : undefined;
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
