/** The rules of src/README.md about who may import whom, and about purity, read off the source itself. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative, sep } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const SRC = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'src');

const CODECS = ['wire', 'rtp', 'sdp', 'rtpp', 'control', 'sip/message'];
/** Inside sip/, an engine may import those before it. */
const SIP_ENGINES = [
  'sip/transaction',
  'sip/dialog',
  'sip/auth',
  'sip/registrar',
  'sip/b2bua',
  'sip/offline',
  'sip/methods',
];
const ENGINES = [...SIP_ENGINES, 'relay', 'rtpp-client', 'supervisor', 'doctor'];
const EDGES = ['io', 'planes', 'store', 'linux', 'observe', 'dashboard', 'config', 'app', 'cli', 'bin'];

interface Import {
  readonly file: string;
  /** Folder of the importing file, for example `sip/b2bua`; '' for src itself. */
  readonly from: string;
  /** Folder of the target inside src, or the package name. */
  readonly to: string;
  readonly specifier: string;
  readonly typeOnly: boolean;
}

const files = sourceFiles(SRC);
const imports = files.flatMap(importsOf);

function sourceFiles(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    return entry.isDirectory() ? sourceFiles(path) : path.endsWith('.ts') ? [path] : [];
  });
}

function roomOf(path: string): string {
  const parts = relative(SRC, dirname(path)).split(sep);
  return parts[0] === 'sip' ? parts.slice(0, 2).join('/') : (parts[0] ?? '');
}

function importsOf(path: string): Import[] {
  const text = readFileSync(path, 'utf8');
  const pattern = /^(?:import|export)\s+(type\s+)?(?:[^'";]*?\sfrom\s+)?'([^']+)'/gm;
  const dynamic = /\bimport\(\s*'([^']+)'\s*\)/g;
  const found = [...text.matchAll(pattern)].map((match) => ({
    typeOnly: match[1] !== undefined,
    specifier: match[2] ?? '',
  }));
  found.push(...[...text.matchAll(dynamic)].map((match) => ({ typeOnly: false, specifier: match[1] ?? '' })));
  return found.map(({ typeOnly, specifier }) => ({
    file: relative(SRC, path),
    from: roomOf(path),
    to: specifier.startsWith('.') ? roomOf(normalize(join(dirname(path), specifier))) : specifier,
    specifier,
    typeOnly,
  }));
}

function isOptionsFile(entry: Import): boolean {
  return entry.file.endsWith('options.ts');
}

/** What every room may import: the table of errors and the type of a log. */
function isCommonGround(entry: Import): boolean {
  return entry.specifier.endsWith('/errors.ts') || (entry.typeOnly && entry.specifier.endsWith('/observe/log.ts'));
}

function offenders(rule: (entry: Import) => boolean): string[] {
  return imports.filter(rule).map((entry) => `${entry.file} imports ${entry.specifier}`);
}

test('the source was found', () => {
  assert.ok(files.length > 20, `only ${files.length} source files under ${SRC}`);
});

test('every folder of src is a room of the house', () => {
  const known = new Set(['', 'sip', ...CODECS, ...ENGINES, ...EDGES]);
  assert.deepEqual(
    [...new Set(files.map(roomOf))].filter((room) => !known.has(room)),
    [],
  );
});

test('a codec imports only wire and its own folder', () => {
  const bad = offenders(
    (entry) =>
      CODECS.includes(entry.from) &&
      entry.to !== entry.from &&
      entry.to !== 'wire' &&
      !isCommonGround(entry) &&
      !isOptionsFile(entry),
  );
  assert.deepEqual(bad, []);
});

test('an engine imports codecs, wire and, inside sip, the engines before it', () => {
  const bad = offenders((entry) => {
    if (!ENGINES.includes(entry.from) || entry.to === entry.from || isCommonGround(entry) || isOptionsFile(entry)) {
      return false;
    }
    const earlier = SIP_ENGINES.slice(0, Math.max(0, SIP_ENGINES.indexOf(entry.from)));
    const pureHash = entry.from === 'sip/auth' && entry.specifier === 'node:crypto';
    return ![...CODECS, ...earlier].includes(entry.to) && !pureHash;
  });
  assert.deepEqual(bad, []);
});

test('io, planes and store import engines, codecs, linux, Node and npm, never cli, app or bin', () => {
  const bad = offenders(
    (entry) =>
      ['io', 'planes', 'store', 'linux'].includes(entry.from) && ['cli', 'app', 'bin', 'config'].includes(entry.to),
  );
  assert.deepEqual(bad, []);
});

test('only bin, index, app and cli import app and cli', () => {
  const bad = offenders(
    (entry) => ['app', 'cli'].includes(entry.to) && !['app', 'cli', 'bin', ''].includes(entry.from),
  );
  assert.deepEqual(bad, []);
});

test('only linux imports koffi, only store imports a database', () => {
  const bad = offenders(
    (entry) =>
      (entry.specifier === 'koffi' && entry.from !== 'linux') ||
      (entry.specifier === 'libsql' && entry.from !== 'store'),
  );
  assert.deepEqual(bad, []);
});

test('outside the edge no clock, timer, randomness, process or socket is used', () => {
  const forbidden =
    /\b(?:setTimeout|setInterval|setImmediate|Date\.now|new Date\b|performance\.now|process\.|Math\.random|randomBytes|randomUUID)\b/;
  const bad = files
    .filter((path) => [...CODECS, ...ENGINES].includes(roomOf(path)))
    .filter((path) => forbidden.test(withoutComments(readFileSync(path, 'utf8'))))
    .map((path) => relative(SRC, path));
  assert.deepEqual(bad, []);
});

test('process.exit is called only in bin', () => {
  const bad = files
    .filter((path) => roomOf(path) !== 'bin' && /\bprocess\.exit\(/.test(withoutComments(readFileSync(path, 'utf8'))))
    .map((path) => relative(SRC, path));
  assert.deepEqual(bad, []);
});

test('every folder of src tells its purpose in a README', () => {
  const rooms = [...new Set(files.map(roomOf))].filter((room) => room !== '' && room !== 'sip');
  const missing = rooms.filter((room) => {
    const top = room.startsWith('sip/') ? 'sip' : room;
    return ![room, top].some((folder) => readdirSync(join(SRC, folder)).includes('README.md'));
  });
  assert.deepEqual(missing, []);
});

function withoutComments(text: string): string {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/^\s*\/\/.*$/gm, '')
    .replace(/\s\/\/ .*$/gm, '');
}
