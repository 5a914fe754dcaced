/** `iptables -S`: one option line a rule. Of its many matches those are read that rules for ports are made of. */
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

/** What the table `filter` does to a packet for this host. */
export function judgeIptables(text: string, program: 'iptables' | 'ip6tables', packet: Packet): Verdict {
  const chains = parse(text, program);
  const input = chains.get('INPUT');
  return input === undefined ? { kind: 'accepted' } : judge(input, chains, packet);
}

function parse(text: string, program: string): Map<string, Chain> {
  const chains = new Map<string, { rules: Rule[]; policy: Chain['policy']; policyText: string }>();
  const chainOf = (name: string) => {
    const chain = chains.get(name) ?? { rules: [], policy: undefined, policyText: '' };
    chains.set(name, chain);
    return chain;
  };
  for (const line of text.split('\n')) {
    const [option, name = '', ...words] = wordsOf(line);
    if (option === '-P') {
      const chain = chainOf(name);
      chain.policy = words[0] === 'DROP' ? 'drop' : 'accept';
      chain.policyText = `${program} -P ${name} DROP, and no rule lets it in`;
    } else if (option === '-A') {
      chainOf(name).rules.push(ruleOf(words, `${program} ${line.trim()}`));
    } else if (option === '-N') {
      chainOf(name);
    }
  }
  return chains;
}

function ruleOf(words: readonly string[], text: string): Rule {
  const tests: ((packet: Packet) => Match)[] = [];
  let action: Action = { kind: 'none' };
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index] ?? '';
    const value = words[index + 1] ?? '';
    switch (word) {
      case '-p':
        tests.push(() => when(['udp', 'all', '17', '0'].includes(value)));
        break;
      case '-i':
        tests.push(({ loopback }) => (value === 'lo' ? when(loopback) : loopback ? 'no' : 'maybe'));
        break;
      case '--dport':
      case '--dports':
        tests.push(({ port }) => when(value.split(',').some((range) => holds(range, port))));
        break;
      case '--state':
      case '--ctstate':
        tests.push(() => when(value.split(',').includes('NEW')));
        break;
      case '-m':
        if (!['udp', 'tcp', 'multiport', 'state', 'conntrack', 'comment'].includes(value)) {
          tests.push(() => 'maybe');
        }
        break;
      case '-j':
      case '-g':
        action = actionOf(value, word === '-g');
        // What follows are options of the target.
        return { matches: (packet) => allOf(tests.map((test) => test(packet))), action, text };
      case '--comment':
        break;
      default:
        // A negation, a source, an option of another match.
        tests.push(() => 'maybe');
        index += word === '!' ? 1 : 0;
    }
    index += 1;
  }
  return { matches: (packet) => allOf(tests.map((test) => test(packet))), action, text };
}

function actionOf(target: string, isGoto: boolean): Action {
  switch (target) {
    case 'ACCEPT':
      return { kind: 'accept' };
    case 'DROP':
    case 'REJECT':
      return { kind: 'drop' };
    case 'RETURN':
      return { kind: 'return' };
    case 'LOG':
    case 'NFLOG':
    case 'MARK':
    case 'CONNMARK':
      return { kind: 'none' };
    default:
      return { kind: isGoto ? 'goto' : 'jump', chain: target };
  }
}

/** `10000`, or `10000:20000`. */
function holds(range: string, port: number): boolean {
  const [first = Number.NaN, last = first] = range.split(':').map(Number);
  return port >= first && port <= last;
}

/** Comments are quoted. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map((found) => found[1] ?? found[2] ?? '');
}
