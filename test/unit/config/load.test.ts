import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { childEnvironment } from '../../../src/config/environment.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { ImsError } from '../../../src/errors.ts';

function folderWith(t: TestContext, content?: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'ims-config-'));
  t.after(() => rmSync(folder, { recursive: true }));
  if (content !== undefined) {
    mkdirSync(join(folder, 'config'));
    writeFileSync(join(folder, 'config', 'config.json'), content);
  }
  return folder;
}

function load(t: TestContext, content?: string, env: Record<string, string> = {}, flags: Record<string, unknown> = {}) {
  return loadConfig({ env, flags, cwd: folderWith(t, content) });
}

function refused(t: TestContext, content: string, env: Record<string, string> = {}, flags = {}): ImsError {
  try {
    load(t, content, env, flags);
  } catch (error) {
    assert.ok(error instanceof ImsError);
    assert.equal(error.exitCode, 78);
    return error;
  }
  throw new assert.AssertionError({ message: 'the configuration was accepted' });
}

test('no file at the default path: defaults and one warning', (t) => {
  const loaded = load(t);
  assert.equal(loaded.fileFound, false);
  assert.equal(loaded.warnings.length, 1);
  assert.match(loaded.warnings[0] ?? '', /no configuration file/);
  assert.deepEqual([loaded.config.SERVER_PORT, loaded.config.relay.port], [5060, 7722]);
  assert.deepEqual([loaded.config.relay.minPort, loaded.config.relay.maxPort], [10000, 20000]);
});

test('a file named by --config must exist', (t) => {
  assert.throws(() => loadConfig({ path: 'missing.json', env: {}, flags: {}, cwd: folderWith(t) }), {
    code: 'IMS_ERR_CONFIG_MISSING',
  });
});

test('not JSON: file, line and column', (t) => {
  const error = refused(t, '{\n  "SERVER_PORT": 5060,\n}');
  assert.equal(error.code, 'IMS_ERR_CONFIG_SYNTAX');
  assert.match(error.message, /config\.json:3:1 is not JSON/);
});

test('file < environment < flags', (t) => {
  const file = '{"relay":{"minPort":11000},"SERVER_PORT":5070}';
  const env = { IMS_LAUNCH_RELAY_MIN_PORT: '12000', IMS_LAUNCH_SERVER_PORT: '5071' };
  const loaded = load(t, file, env, { SERVER_PORT: '5072' });
  assert.deepEqual([loaded.config.relay.minPort, loaded.config.SERVER_PORT], [12000, 5072]);
});

test('the variables of existing installations work', (t) => {
  const { config } = load(t, '{}', {
    SERVER_IP: '198.51.100.7',
    RTPPROXY_UDP_HOST: '127.0.0.2',
    RTPPROXY_UDP_PORT: '7733',
    SERVER_PUBLIC_PORT: '15060',
    RTPPROXY_AUTO_START: 'off',
  });
  assert.equal(config.SERVER_ADDR, '198.51.100.7');
  assert.deepEqual([config.relay.host, config.relay.port, config.relay.autoStart], ['127.0.0.2', 7733, false]);
  assert.equal(config.SERVER_PUBLIC_PORT, 15060);
});

test('RTPPROXY_AUTO_START: the four words each way, empty means on, anything else is an error', (t) => {
  for (const word of ['1', 'true', 'YES', 'on', '']) {
    assert.equal(load(t, '{}', { RTPPROXY_AUTO_START: word }).config.relay.autoStart, true, word);
  }
  for (const word of ['0', 'false', 'No', 'off']) {
    assert.equal(load(t, '{}', { RTPPROXY_AUTO_START: word }).config.relay.autoStart, false, word);
  }
  assert.match(refused(t, '{}', { RTPPROXY_AUTO_START: 'maybe' }).message, /RTPPROXY_AUTO_START must be 1, true/);
});

test('an unknown key is one warning with the nearest name', (t) => {
  const loaded = load(t, '{"SERVER_PROT":5060,"relay":{"minprt":12000}}');
  assert.equal(loaded.warnings.length, 2);
  assert.match(loaded.warnings[0] ?? '', /"SERVER_PROT" is ignored; did you mean "SERVER_PORT"/);
  assert.match(loaded.warnings[1] ?? '', /"relay.minprt" is ignored; did you mean "relay.minPort"/);
});

test('TERMINATION_GRACE_MS: a stop budget that nobody chose takes its share; a chosen one that is longer is told', (t) => {
  const grace = (ms: string): Record<string, string> => ({ TERMINATION_GRACE_MS: ms });
  assert.equal(load(t, '{}', grace('30000')).config.supervisor.stopBudgetMs, 25_500);
  assert.equal(load(t, '{}', grace('10000')).config.supervisor.stopBudgetMs, 8500);
  assert.equal(load(t, '{}', grace('')).config.supervisor.stopBudgetMs, 8500);
  const chosen = load(t, '{"supervisor":{"stopBudgetMs":9000}}', grace('5000'));
  assert.equal(chosen.config.supervisor.stopBudgetMs, 9000);
  assert.match(chosen.warnings.join(), /stopBudgetMs 9000 does not fit into TERMINATION_GRACE_MS: at most 4250/);
  assert.deepEqual(load(t, '{"supervisor":{"stopBudgetMs":4000}}', grace('5000')).warnings, []);
  assert.match(refused(t, '{}', grace('10s')).message, /TERMINATION_GRACE_MS must be a whole number .* but is "10s"/);
  assert.match(refused(t, '{}', grace('100')).message, /TERMINATION_GRACE_MS: supervisor.stopBudgetMs: /);
});

test('a group inside a group: read from the file, key by key from the environment, and checked for unknown keys', (t) => {
  const content = '{"supervisor":{"restartBudget":{"restarts":4,"window":1}}}';
  const loaded = load(t, content, { IMS_LAUNCH_SUPERVISOR_RESTART_BUDGET_WINDOW_MS: '5000' });
  assert.deepEqual(loaded.config.supervisor.restartBudget, { restarts: 4, windowMs: 5000 });
  assert.equal(loaded.warnings.length, 1);
  assert.match(loaded.warnings[0] ?? '', /"supervisor.restartBudget.window" is ignored; did you mean .*windowMs"/);
  const { config } = load(t, '{}', { IMS_LAUNCH_SUPERVISOR_RESTART_BUDGET_RESTARTS: '2' });
  assert.deepEqual(config.supervisor.restartBudget, { restarts: 2, windowMs: 300_000 });
  assert.match(refused(t, '{"supervisor":{"restartBudget":{"restarts":-1}}}').message, /restartBudget.restarts: /);
});

test('an unknown IMS_LAUNCH_ variable is a warning too', (t) => {
  assert.match(load(t, '{}', { IMS_LAUNCH_SERVR_PORT: '1' }).warnings[0] ?? '', /did you mean IMS_LAUNCH_SERVER_PORT/);
});

const faults: readonly [what: string, content: string, message: RegExp][] = [
  ['wrong type', '{"SERVER_PORT":"abc"}', /SERVER_PORT: .*number.*"abc"/],
  ['a port out of range', '{"SERVER_PORT":70000}', /SERVER_PORT: .*65535.*70000/],
  ['a group that is no object', '{"relay":7722}', /relay: .*object/],
  ['a bad address', '{"SERVER_ADDR":"300.1.2.3"}', /SERVER_ADDR "300.1.2.3"/],
  ['a multicast address', '{"SERVER_ADDR":"224.0.0.1"}', /multicast/],
  ['the wildcard as advertised address', '{"SERVER_ADDR":"0.0.0.0"}', /cannot be told to phones/],
  ['a port range reversed', '{"relay":{"minPort":20000,"maxPort":10000}}', /swap them/],
  ['a port range too small', '{"relay":{"minPort":10001,"maxPort":10004}}', /1 RTP\/RTCP port pair/],
  ['the SIP port inside the media range', '{"SERVER_PORT":10500}', /SERVER_PORT 10500 lies inside/],
  ['the control port inside the media range', '{"relay":{"port":10500}}', /relay.port 10500 lies inside/],
  ['an array', '[]', /must hold a JSON object/],
  ['a bad log level', '{"LOG_LEVEL":"LOUD"}', /LOG_LEVEL: must be TRACE/],
  ['a trusted peer that is no address', '{"ims":{"trustedPeers":["trunk"]}}', /"trunk" is not an IP address/],
  [
    'a further relay without a transport',
    '{"relay":{"further":[{"control":"192.0.2.7:7722"}]}}',
    /relay.further.0.control: must be udp:/,
  ],
  [
    'a further relay with port 0',
    '{"relay":{"further":[{"control":"udp:192.0.2.7:0"}]}}',
    /further\[0\].control: .*0 is not a port/,
  ],
  [
    'the main relay as a further one',
    '{"relay":{"further":[{"control":"udp:127.0.0.1:7722"}]}}',
    /named twice; a larger weight/,
  ],
  [
    'two further relays that are one',
    '{"relay":{"further":[{"control":"unix:/a"},{"control":"unix:/a"}]}}',
    /further\[1\].control: unix:\/a is named twice/,
  ],
  [
    'a weight that is too large',
    '{"relay":{"further":[{"control":"unix:/a","weight":1001}]}}',
    /further.0.weight: .*1000/,
  ],
  ['a key of a further relay that is none', '{"relay":{"further":[{"control":"unix:/a","wait":1}]}}', /"wait"/],
  [
    'a media address that is a name',
    '{"relay":{"further":[{"control":"unix:/a","mediaAddress":"relay.example.org"}]}}',
    /further\[0\].mediaAddress: "relay.example.org" is not the IP address/,
  ],
  ['a command that is a string', '{"ims":{"command":"python3 run.py"}}', /ims.command: .*array/],
];

for (const [what, content, message] of faults) {
  test(`refused with the key named: ${what}`, (t) => {
    assert.match(refused(t, content).message, message);
  });
}

test('a file without end, a pipe, and a file without bottom are refused', (t) => {
  assert.throws(() => loadConfig({ path: '/dev/zero', env: {}, flags: {}, cwd: folderWith(t) }), {
    code: 'IMS_ERR_CONFIG_INVALID',
    message: /is not a regular file/,
  });
  const pipe = join(folderWith(t), 'pipe');
  execFileSync('mkfifo', [pipe]);
  assert.throws(() => loadConfig({ path: pipe, env: {}, flags: {}, cwd: folderWith(t) }), /is not a regular file/);
  const deep = `{"ims":{"env":${'['.repeat(5000)}${']'.repeat(5000)}}}`;
  assert.match(refused(t, deep).message, /nested deeper than 64 levels/);
});

test('further relays from the environment are JSON, each with weight 1 unless told', (t) => {
  const text = '[{"control":"unix:/run/a.sock"},{"control":"tcp6:[2001:db8::7]:7722","weight":0}]';
  assert.deepEqual(load(t, '{}', { IMS_LAUNCH_RELAY_FURTHER: text }, {}).config.relay.further, [
    { control: 'unix:/run/a.sock', weight: 1 },
    { control: 'tcp6:[2001:db8::7]:7722', weight: 0 },
  ]);
});

test('a password never appears in a message', (t) => {
  assert.ok(!refused(t, '{"USERS":{"a b":"geheim"}}').message.includes('geheim'));
  assert.ok(!refused(t, '{"USERS":["geheim"]}').message.includes('geheim'));
});

test('children inherit what flags set, and never start a relay of their own', (t) => {
  const loaded = load(t, '{}', {}, { SERVER_PORT: '5072', 'supervisor.requireRelay': true });
  const env = childEnvironment(loaded, '192.0.2.9');
  assert.deepEqual(
    [
      env['SERVER_IP'],
      env['IMS_LAUNCH_SERVER_PORT'],
      env['IMS_LAUNCH_SUPERVISOR_REQUIRE_RELAY'],
      env['RTPPROXY_AUTO_START'],
    ],
    ['192.0.2.9', '5072', 'true', '0'],
  );
  assert.equal(load(t, '{}', env).config.SERVER_PORT, 5072);
});
