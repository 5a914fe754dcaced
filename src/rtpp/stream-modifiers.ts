/**
 * The letters after `U` and `L`, in any case and order. An address or label after `L`, `R` ends at the first
 * character that cannot belong to it, so letters may follow: `Ul10.0.0.1c0,8`.
 */
import type { AddressFamily } from '../wire/ip-address.ts';
import { err, ok, type Result } from '../wire/result.ts';
import type { Ecode } from './ecodes.ts';

/** In bridging mode: which of the two bind addresses. `internal` is the first. */
export type Direction = 'internal' | 'external';

/** What SDP and responses say, and no other letter tells a relay. */
export interface StreamSituation {
  /** The party that sent the SDP wants to hear nothing: sendonly, inactive. */
  readonly held: boolean;
  /** Nobody has answered yet: media may flow, and need not. */
  readonly ringing: boolean;
}

export interface StreamModifiers<Local = string> {
  /** `A` and `S`; of several the last counts. Undefined: the relay's default. */
  readonly asymmetric: boolean | undefined;
  /** `W`: the reference to the session is weak. */
  readonly weak: boolean;
  /** `6`: the peer's address in this command is IPv6. */
  readonly family: AddressFamily;
  /** `E` and `I`: the interface facing the sender, then the one whose port is reported; at most two. */
  readonly directions: readonly Direction[];
  /** `Z<n>`: re-packetise what this party sends, milliseconds; 0: leave it alone. */
  readonly packetMs: number;
  /** `C<list>`: payload types of this party. */
  readonly codecs: string | undefined;
  /** `L<addr>`, `L{label}` or `R<addr>`: the local address for the leg. */
  readonly local: Local | undefined;
  /** `N`: a new port pair even if the leg has one. */
  readonly newPort: boolean;
  /** `H<n>`, an extension of ours (capability 20261123): 1 held, 2 ringing, 3 both, 0 neither. Undefined: not told. */
  readonly situation: StreamSituation | undefined;
}

/** What only the relay knows, asked while the letters are read so that the first mistake decides the error. */
export interface ModifierRules<Local> {
  /** Whether the relay joins two networks: without, `E` and `I` are refused. */
  readonly bridging: boolean;
  /** The local address that an `L` literal names, or undefined when it cannot be used. */
  byAddress(address: string, family: AddressFamily): Local | undefined;
  /** The local address that `-l label@addr` gave this label. */
  byLabel(label: string): Local | undefined;
  /** The local address that the system would use towards a peer. */
  towards(peer: string, family: AddressFamily): Local | undefined;
}

export function parseStreamModifiers<Local>(
  text: string,
  rules: ModifierRules<Local>,
): Result<StreamModifiers<Local>, Ecode> {
  const modifiers: { -readonly [Key in keyof StreamModifiers<Local>]: StreamModifiers<Local>[Key] } = {
    asymmetric: undefined,
    weak: false,
    family: 4,
    directions: [],
    packetMs: 0,
    codecs: undefined,
    local: undefined,
    newPort: false,
    situation: undefined,
  };
  let offset = 0;
  while (offset < text.length) {
    const letter = text.charAt(offset).toUpperCase();
    offset += 1;
    switch (letter) {
      case 'A':
      case 'S':
        modifiers.asymmetric = letter === 'A';
        break;
      case 'W':
        modifiers.weak = true;
        break;
      case '6':
        modifiers.family = 6;
        break;
      case 'N':
        modifiers.newPort = true;
        break;
      case 'E':
      case 'I':
        if (!rules.bridging || modifiers.directions.length === 2) {
          return err(letter === 'E' ? 11 : 12);
        }
        modifiers.directions = [...modifiers.directions, letter === 'E' ? 'external' : 'internal'];
        break;
      case 'Z': {
        const digits = match(/[0-9]+/y, text, offset);
        modifiers.packetMs = Number(digits ?? Number.NaN);
        if (!(modifiers.packetMs >= 1 && modifiers.packetMs <= 999)) {
          return err(13);
        }
        offset += digits?.length ?? 0;
        break;
      }
      case 'C': {
        const list = match(/[0-9,]+/y, text, offset);
        if (list === undefined || modifiers.codecs !== undefined) {
          return err(14);
        }
        modifiers.codecs = list;
        offset += list.length;
        break;
      }
      case 'L':
      case 'R': {
        const target = readTarget(text, offset, letter === 'L');
        if (target === undefined) {
          return err(letter === 'L' ? 15 : 16);
        }
        modifiers.local = lookUp(target, letter, rules);
        if (modifiers.local === undefined) {
          return err(letter === 'L' ? 31 : 32);
        }
        offset += target.length;
        break;
      }
      case 'H': {
        const digit = match(/[0-3]/y, text, offset);
        if (digit === undefined) {
          return err(35);
        }
        modifiers.situation = { held: (Number(digit) & 1) !== 0, ringing: (Number(digit) & 2) !== 0 };
        offset += 1;
        break;
      }
      default:
        return err(35);
    }
  }
  return ok(modifiers);
}

/** The letters for a client's command, in the order that Kamailio writes them. */
export function formatStreamModifiers(modifiers: Partial<StreamModifiers>): string {
  const { asymmetric, weak, family, directions, packetMs, codecs, local, newPort, situation } = modifiers;
  return [
    asymmetric === undefined ? '' : asymmetric ? 'A' : 'S',
    (directions ?? []).map((direction) => (direction === 'internal' ? 'I' : 'E')).join(''),
    weak === true ? 'W' : '',
    newPort === true ? 'N' : '',
    family === 6 ? '6' : '',
    local === undefined ? '' : `L${local.includes(':') ? `[${local}]` : local}`,
    situation === undefined ? '' : `H${Number(situation.held) + 2 * Number(situation.ringing)}`,
    packetMs === undefined || packetMs === 0 ? '' : `Z${packetMs}`,
    codecs === undefined ? '' : `C${codecs}`,
  ].join('');
}

interface Target {
  readonly kind: 'address' | 'label';
  readonly family: AddressFamily;
  readonly value: string;
  /** Characters taken from the modifiers, brackets included. */
  readonly length: number;
}

function readTarget(text: string, offset: number, labelAllowed: boolean): Target | undefined {
  const first = text.charAt(offset);
  if (first === '[' || (first === '{' && labelAllowed)) {
    const end = text.indexOf(first === '[' ? ']' : '}', offset);
    const value = text.slice(offset + 1, end);
    return end === -1 || value === ''
      ? undefined
      : { kind: first === '[' ? 'address' : 'label', family: 6, value, length: value.length + 2 };
  }
  const value = match(/[0-9.]+/y, text, offset);
  return value === undefined ? undefined : { kind: 'address', family: 4, value, length: value.length };
}

function lookUp<Local>(target: Target, letter: 'L' | 'R', rules: ModifierRules<Local>): Local | undefined {
  if (target.kind === 'label') {
    return rules.byLabel(target.value);
  }
  return letter === 'L' ? rules.byAddress(target.value, target.family) : rules.towards(target.value, target.family);
}

function match(pattern: RegExp, text: string, offset: number): string | undefined {
  pattern.lastIndex = offset;
  return pattern.exec(text)?.[0];
}
