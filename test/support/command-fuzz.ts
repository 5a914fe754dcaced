/** Commands that nobody would send: those of the transcripts, bent, broken and mixed. */
import fc from 'fast-check';
import { readTranscripts } from './rtpp-transcript.ts';

/** Addresses that a player or a relay could be made to send to are moved to loopback. */
const FOREIGN_IPV4 = /\b(?!127\.|0\.0\.0\.0|255\.)[0-9]{1,3}(?:\.[0-9]{1,3}){3}\b/g;

/** Commands that work, on sessions that the others may have made. */
export function* workingCommands(): Generator<string, void, void> {
  for (const id of IDS) {
    yield `U ${id} 127.0.0.1 4000 A`;
    yield `L ${id} 127.0.0.2 4002 A B`;
    yield `Un ${id} 127.0.0.1 4000 B A`;
    yield `U ${id} 127.0.0.1 4000 A && L 127.0.0.2 4002 && S ttl=1`;
    yield `R ${id} A B`;
    yield `C ${id} udp:127.0.0.1:4000 B A`;
    yield `P-1 ${id} prompt 8,0 A B`;
    yield `S ${id} A B`;
    yield `N ${id} A B`;
    yield `Qv ${id} A B`;
    yield `U ${id} 127.0.0.1 4000 A B unix:told tag+%41 && M3:1 dtmf 101 h`;
    yield `U ${id} 127.0.0.1 4000 A unix:nobody tag`;
    yield `U fed-${id} 127.0.0.1 4000 A B && C ${id} A B`;
    yield `Cs ${id} copy.pcap A B`;
    yield `D ${id} A B`;
  }
}

/** Every request of the transcripts once, without its cookie. */
export function transcriptCommands(): string[] {
  const requests = readTranscripts().flatMap(({ transport, rows }) =>
    rows.map(({ request }) => (transport.startsWith('udp') ? request.replace(/^\S+ /, '') : request)),
  );
  return [...new Set(requests.map((request) => request.replace(FOREIGN_IPV4, '127.0.0.1')))];
}

/** Few ids and tags, so that commands meet the sessions of others. */
const IDS = ['c1', 'c2', 'c3', 'a/../../b', '%2e', 'é', '=', '-', '..', 'x;1', 'call@host'];
const TAGS = ['A', 'B', 'A;1', 'B;1', 'A;', ';1', 'X', '0'];
const ADDRESSES = ['127.0.0.1', '127.0.0.2', '0.0.0.0', '*', '127.1', '::1', '::ffff:127.0.0.1', '999.1.1.1', 'host'];
const NUMBERS = [
  '0',
  '1',
  '-1',
  '2',
  '4000',
  '65535',
  '65536',
  '4294967296',
  '1e3',
  '0x10',
  '１',
  '999999999999999999999',
];
const SUBCOMMANDS = [
  '&&',
  '&& D',
  '&& S ttl=1',
  '&& Sr tos=7',
  '&& L 127.0.0.1 4002',
  '&& C c1 A B',
  '&& M3:1 t',
  '&& &&',
];
const OTHERS = [
  'udp:127.0.0.1:4000',
  'udp:127.0.0.1:65535',
  'session',
  '0,8,101',
  ',,',
  'ttl=',
  'nsess_created',
  'ttl',
  '20081102',
  '__proto__',
  'constructor',
  'tcp:%%CC_SELF%%:9',
  '%41%zz+',
  '{label}',
  'x'.repeat(107),
  'x'.repeat(300),
];
const VERBS =
  'U L D P S R C N Q V VF I G X Uw Un U6 UZ20 Uc0,8 UEI Ul127.0.0.1 Ul{two} Ur127.0.0.1 Lw Ln Dw P-1 P0 P9999 Rs Rp Cs Csp Na Qv Ib Il Gv u l'.split(
    ' ',
  );

const word = fc.oneof(
  ...[IDS, TAGS, ADDRESSES, NUMBERS, SUBCOMMANDS, OTHERS, VERBS].map((words) => fc.constantFrom(...words)),
  fc.string({ unit: 'binary', maxLength: 12 }),
);

type Edit = (words: string[]) => void;

/** A place in a command of any length: taken modulo the number of its words. */
const place = fc.nat({ max: 23 });

const edit: fc.Arbitrary<Edit> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(place, word).map(
      ([at, text]): Edit =>
        (words) =>
          void words.splice(at % words.length, 1, text),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(place, word).map(
      ([at, text]): Edit =>
        (words) =>
          void words.splice(at % words.length, 0, text),
    ),
  },
  {
    weight: 2,
    arbitrary: place.map(
      (at): Edit =>
        (words) =>
          void (words.length > 1 && words.splice(at % words.length, 1)),
    ),
  },
  {
    weight: 2,
    arbitrary: word.map(
      (text): Edit =>
        (words) =>
          void words.push(text),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(place, place).map(
      ([from, to]): Edit =>
        (words) =>
          void words.splice(to % words.length, 0, words[from % words.length] ?? ''),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(place, place, fc.nat(255)).map(
      ([at, offset, byte]): Edit =>
        (words) =>
          spoilByte(words, at, offset, byte),
    ),
  },
  {
    weight: 1,
    arbitrary: place.map(
      (at): Edit =>
        (words) =>
          void words.splice(at + 1),
    ),
  },
);

function spoilByte(words: string[], at: number, offset: number, byte: number): void {
  const index = at % words.length;
  const text = words[index] ?? '';
  const cut = offset % (text.length + 1);
  words[index] = `${text.slice(0, cut)}${String.fromCharCode(byte)}${text.slice(cut + 1)}`;
}

/** One in some hundred commands is much longer than any client sends. */
const stretch = fc.oneof(
  { weight: 400, arbitrary: fc.constant('') },
  { weight: 1, arbitrary: fc.nat({ max: 9000 }).map((length) => 'y'.repeat(length)) },
  { weight: 1, arbitrary: fc.nat({ max: 3000 }).map((length) => ' z'.repeat(length)) },
);

/** Text stands for bytes (latin1). About one in four is a command of the transcripts as it is. */
export function hostileCommand(): fc.Arbitrary<string> {
  // Most rows of the transcripts are refused; without the others there would be few sessions to spoil.
  const row = fc.oneof(fc.constantFrom(...transcriptCommands()), fc.constantFrom(...workingCommands()));
  return fc
    .record({ row, edits: fc.array(edit, { maxLength: 3, size: 'max' }), tail: stretch })
    .map(({ row, edits, tail }) => {
      const words = row.split(' ');
      for (const change of edits) {
        change(words);
      }
      return words.join(' ') + tail;
    });
}
