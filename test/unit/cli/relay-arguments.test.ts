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

test('what is not there is refused with a sentence that says what to do', () => {
  for (const argv of [['-2'], ['--dso', 'x.so']]) {
    assert.match(refusal(...argv), new RegExp(`^${argv[0]}: .*leave it out`));
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
