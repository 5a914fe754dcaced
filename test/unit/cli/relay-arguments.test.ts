import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RelayProcessOptions } from '../../../src/app/relay/process.ts';
import { parseRelayArguments } from '../../../src/cli/relay-arguments.ts';

function run(...argv: string[]): RelayProcessOptions {
  const parsed = parseRelayArguments(argv, '1.2.3');
  assert.ok(parsed.ok && parsed.value.kind === 'run', JSON.stringify(parsed));
  return parsed.value.options;
}

function refusal(...argv: string[]): string {
  const parsed = parseRelayArguments(argv, '1.2.3');
  assert.ok(!parsed.ok, `${argv.join(' ')} was accepted`);
  return parsed.error;
}

function printed(...argv: string[]): string {
  const parsed = parseRelayArguments(argv, '1.2.3');
  assert.ok(parsed.ok && parsed.value.kind === 'print');
  return parsed.value.text;
}

test('the seed’s line of rtpproxy starts a relay', () => {
  const { relay, rootAllowed, daemon } = run('-l', '192.0.2.1', '-s', 'udp:127.0.0.1:7722', '-F', '-d', 'ERROR');
  assert.deepEqual(relay.control, ['udp:127.0.0.1:7722']);
  assert.equal(relay.addresses?.[0]?.address, '192.0.2.1');
  assert.equal(rootAllowed, true);
  assert.equal(daemon, false, 'it stays in the foreground');
});

test('--control-from may be repeated, and what is no address is refused', () => {
  const { relay } = run('-s', 'udp:*:1', '--control-from', '10.0.0.0/8,192.0.2.1', '--control-from=2001:db8::/32');
  assert.deepEqual(relay.controlFrom, ['10.0.0.0/8,192.0.2.1', '2001:db8::/32']);
  assert.match(
    refusal('--control-from', 'proxy.example'),
    /^--control-from proxy\.example: write an address, a prefix/,
  );
});

test('letters can be joined, and values glued', () => {
  const { relay } = run('-fFbm10000', '-M20000', '-T', '30', '-W5');
  assert.deepEqual(
    [relay.minPort, relay.maxPort, relay.ttlSeconds, relay.setupTtlSeconds, relay.sequentialPorts],
    [10_000, 20_000, 30, 5, true],
  );
});

test('-A without bridging is what the address advertises, a wildcard included', () => {
  assert.equal(run('-l', '127.0.0.1', '-A', '9.9.9.9').relay.addresses?.[0]?.advertised, '9.9.9.9');
  assert.equal(run('-A', '9.9.9.9').relay.addresses?.[0]?.advertised, '9.9.9.9');
  assert.equal(run('-l', '127.0.0.1=8.8.8.8', '-A', '9.9.9.9').relay.addresses?.[0]?.advertised, '8.8.8.8');
});

test('a bridge is written with a slash, and is asymmetric unless told otherwise', () => {
  const { relay } = run('-l', '127.0.0.1', '-6', '/::1', '-A', '1.2.3.4/1:2:3');
  assert.equal(relay.external?.address, '::1');
  assert.equal(relay.external?.advertised, '1:2:3');
  assert.equal(relay.asymmetricByDefault, true);
  assert.equal(run('-l', '127.0.0.1/127.0.0.2', '--bridge_symmetric').relay.asymmetricByDefault, false);
  assert.match(refusal('-l', '127.0.0.1/127.0.0.2', '-A', '1.2.3.4'), /-A .*two addresses/);
});

test('rtpproxy’s level names and facilities, and ERROR and WARNING besides', () => {
  for (const [text, level] of [
    ['DBUG', 'debug'],
    ['info:LOG_LOCAL3', 'info'],
    ['WARN:daemon', 'warn'],
    ['WARNING', 'warn'],
    ['ERR', 'error'],
    ['error', 'error'],
    ['CRIT', 'error'],
  ] as const) {
    assert.equal(run('-d', text).logLevel, level);
  }
  assert.match(refusal('-d', 'LOUD'), /^-d LOUD: must be/);
  assert.match(refusal('-d', 'INFO:nowhere'), /facility/);
});

/** What getopt of rtpproxy 3.2 knows: letters, those with a colon with a value, and long names. */
const RTPPROXY_LETTERS = 'vf2Rl:6:s:S:t:r:p:T:L:m:M:u:Fin:Pad:Vc:A:w:bW:DC';
const RTPPROXY_NAMES = [
  'dso',
  'config',
  'nice',
  'bridge_symmetric',
  'force_asymmetric',
  'overload_prot',
  'no_resolve',
  'no_redirect',
];

/** What each of them comes to: something that it changes, something that it prints, or a refusal. */
const RTPPROXY_OPTIONS: readonly (readonly [readonly string[], (argv: readonly string[]) => void])[] = [
  [['-v'], (argv) => assert.match(printed(...argv), /^Basic version: 20040107\n/)],
  [['-V'], (argv) => assert.equal(printed(...argv), '1.2.3')],
  [['-C'], (argv) => assert.equal(printed(...argv), 'CLOCK_MONOTONIC')],
  [['-f'], (argv) => assert.equal(run(...argv).daemon, false)],
  [['-2'], (argv) => assert.match(refusal(...argv), /^-2: no packet is sent twice here: leave it out; .*use a codec/)],
  [['--dso', 'x.so'], (argv) => assert.match(refusal(...argv), /^--dso: modules .*leave it out; .*M3:1.* is built in/)],
  [['--config', 'x'], (argv) => assert.match(refusal(...argv), /^--config: there is no file.*leave it out; .*--help/)],
  [['-R'], (argv) => assert.equal(run(...argv).relay.recordRtcp, false)],
  [['-l', '192.0.2.1'], (argv) => assert.equal(run(...argv).relay.addresses?.[0]?.address, '192.0.2.1')],
  [['-6', '::1'], (argv) => assert.equal(run(...argv).relay.addresses?.[0]?.family, 6)],
  [['-s', 'stdio:'], (argv) => assert.deepEqual(run(...argv).relay.control, ['stdio:'])],
  [['-r', '/r', '-S', '/s'], (argv) => assert.equal(run(...argv).relay.recording?.spool, '/s')],
  [['-t', '184'], (argv) => assert.equal(run(...argv).relay.tos, 184)],
  [['-r', '/r'], (argv) => assert.equal(run(...argv).relay.recording?.directory, '/r')],
  [['-p', '/p'], (argv) => assert.equal(run(...argv).pidFile, '/p')],
  [['-T', '7'], (argv) => assert.equal(run(...argv).relay.ttlSeconds, 7)],
  [['-W', '8'], (argv) => assert.equal(run(...argv).relay.setupTtlSeconds, 8)],
  [['-L', '1000'], (argv) => assert.deepEqual(run(...argv), run())],
  [['-c', 'fifo'], (argv) => assert.deepEqual(run(...argv), run())],
  [['-D'], (argv) => assert.deepEqual(run(...argv), run())],
  [['--overload_prot'], (argv) => assert.deepEqual(run(...argv), run())],
  [['--overload_prot=1'], (argv) => assert.deepEqual(run(...argv), run())],
  [['--no_redirect'], (argv) => assert.deepEqual(run(...argv), run())],
  [['-m', '20000'], (argv) => assert.equal(run(...argv).relay.minPort, 20_000)],
  [['-M', '50000'], (argv) => assert.equal(run(...argv).relay.maxPort, 50_000)],
  [['-u', 'a:b'], (argv) => assert.equal(run(...argv).user, 'a:b')],
  [['-F'], (argv) => assert.equal(run(...argv).rootAllowed, true)],
  [['-i'], (argv) => assert.equal(run(...argv).relay.ttlPerLeg, true)],
  [['-n', 'tcp:127.0.0.1:9'], (argv) => assert.deepEqual(run(...argv).relay.notify, ['tcp:127.0.0.1:9'])],
  [['-r', '/r', '-P'], (argv) => assert.equal(run(...argv).relay.recording?.format, 'pcap')],
  [['-r', '/r', '-a'], (argv) => assert.equal(run(...argv).relay.recording?.everySession, true)],
  [['-d', 'DBUG'], (argv) => assert.equal(run(...argv).logLevel, 'debug')],
  [['-A', '9.9.9.9'], (argv) => assert.equal(run(...argv).relay.addresses?.[0]?.advertised, '9.9.9.9')],
  // Decimal, as in rtpproxy, a leading 0 or not: whoever writes 0770 for it gets 01402 there, too.
  [['-w', '504'], (argv) => assert.equal(run(...argv).socketMode, 504)],
  [['-w', '0770'], (argv) => assert.equal(run(...argv).socketMode, 770)],
  [['-b'], (argv) => assert.equal(run(...argv).relay.sequentialPorts, true)],
  [['--nice', '-5'], (argv) => assert.equal(run(...argv).nice, -5)],
  [['-l', '::1/::2', '--bridge_symmetric'], (argv) => assert.equal(run(...argv).relay.asymmetricByDefault, false)],
  [['--force_asymmetric'], (argv) => assert.equal(run(...argv).relay.asymmetricByDefault, true)],
  [['--no_resolve'], (argv) => assert.equal(run(...argv).relay.resolveNames, false)],
];

test('every option of rtpproxy has its meaning, or is refused with a sentence that says what to do', () => {
  const known = [
    ...[...RTPPROXY_LETTERS.replaceAll(':', '')].map((letter) => `-${letter}`),
    ...RTPPROXY_NAMES.map((name) => `--${name}`),
  ];
  const shown = new Set(RTPPROXY_OPTIONS.flatMap(([argv]) => argv.map((word) => word.replace(/=.*/, ''))));
  assert.deepEqual(
    known.filter((flag) => !shown.has(flag)),
    [],
  );
  for (const [argv, check] of RTPPROXY_OPTIONS) {
    check(argv);
  }
});

test('options that rtpproxy rejects are rejected here', () => {
  for (const argv of [
    ['-t', '-1'],
    ['-t', '0xb8'],
    ['-t', '256'],
    ['-w', '4096'],
    ['-w', '0x1ff'],
    ['-T', '0'],
    ['-W', '0'],
    ['-m', '65536'],
    ['--nice', '21'],
    ['-x'],
    ['-N'],
    ['-h'],
    ['-n', ''],
    ['-S', '/spool'],
  ]) {
    assert.match(refusal(...argv), /./, argv.join(' '));
  }
});

test('every mistake names the flag', () => {
  const mistakes: readonly (readonly [readonly string[], RegExp])[] = [
    [['-q'], /unknown option -q/],
    [['-S', '/tmp'], /-S: recordings need a directory; give it with -r/],
    [['-a'], /-a: recordings need a directory; give it with -r/],
    [['-n', 'tcp:somewhere:9'], /-n "tcp:somewhere:9": give an IPv4 address/],
    [['--nonsense'], /unknown option --nonsense/],
    [['extra'], /"extra" is not an option/],
    [['-l'], /-l needs a value/],
    [['-m', '0'], /-m 0: must be/],
    [['-m', '20000', '-M', '10000'], /-m 20000 is above -M 10000/],
    [['-t', '0xb8'], /-t 0xb8/],
    [['-s', 'tcp:'], /host is missing/],
    [['-s', 'udp:127.0.0.1:x'], /"x" is not a port/],
    [['-l', 'a@', '-l', 'b@'], /-l a@/],
    [['-l', '127.0.0.1', '-l', '127.0.0.2'], /needs a label/],
    [['-l', 'x@127.0.0.1', '-l', 'x@127.0.0.2'], /label x is taken/],
    [['--plane', 'fast'], /--plane fast: must be one of auto, kernel, native, portable/],
    [['--ims-dialect=maybe'], /must be one of off, auto, only/],
    [['-s', 'systemd:', '--daemon'], /-s systemd: belongs to this process: leave --daemon out/],
    [['-s', 'stdioc:', '--daemon'], /leave --daemon out/],
    [['--daemon=yes'], /--daemon takes no value/],
  ];
  for (const [argv, pattern] of mistakes) {
    assert.match(refusal(...argv), pattern);
  }
});

test('options that print do nothing else', () => {
  assert.equal(printed('-V'), '1.2.3');
  assert.equal(printed('--version'), '1.2.3');
  assert.equal(printed('-C'), 'CLOCK_MONOTONIC');
  assert.match(printed('-v'), /^Basic version: 20040107\nExtension 20040107: /);
  assert.match(printed('--help'), /--ims-dialect/);
});

test('long options may be shortened and spelled with _ or -', () => {
  assert.equal(run('--force-asym').relay.asymmetricByDefault, true);
  assert.equal(run('--force_asymmetric').relay.asymmetricByDefault, true);
});

test('a pid file is written when asked for, and by a daemon', () => {
  assert.equal(run().pidFile, undefined);
  assert.equal(run('-p', '/tmp/x.pid').pidFile, '/tmp/x.pid');
  assert.equal(run('--daemon').pidFile, '/var/run/rtpproxy.pid');
});
