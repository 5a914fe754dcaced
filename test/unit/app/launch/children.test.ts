import assert from 'node:assert/strict';
import { test } from 'node:test';
import { childCommand } from '../../../../src/app/launch/children.ts';
import type { LaunchSetup } from '../../../../src/app/launch/setup.ts';
import { loadConfig } from '../../../../src/config/load.ts';
import { parseControlAddress } from '../../../../src/io/control/address.ts';
import { RULES } from '../../supervisor/world.ts';

function setup(env: Record<string, string> = {}, bind = '10.0.0.5', advertised = '10.0.0.5'): LaunchSetup {
  const loaded = loadConfig({ env, flags: {}, cwd: '/nonexistent' });
  return {
    loaded,
    control: { address: '127.0.0.1', port: loaded.config.relay.port },
    address: { bind, advertised, source: 'test', warnings: [] },
    rules: RULES,
    warnings: [],
  };
}

const CONTEXT = { runId: 'r1', generation: 3, env: {}, colour: false, controlFd: undefined };

test('the relay is given rtpproxy’s flags, in the foreground, with our range', () => {
  const { argv } = childCommand('relay', { ...CONTEXT, setup: setup() });
  const program = argv.findIndex((word) => word.endsWith('/bin/ims-relay.js'));
  assert.equal(argv[0], process.execPath);
  assert.ok(program > 0 && argv.slice(1, program).every((flag) => flag.startsWith('--')));
  assert.equal(
    argv.slice(program + 1).join(' '),
    '-f -F -l 10.0.0.5 -s udp:127.0.0.1:7722 -m 10000 -M 20000 -T 60 --hold-ttl=1800 -d INFO --latching=safe --ims-dialect=auto --plane=auto',
  );
});

test('a control socket that this process holds is inherited, as the first descriptor; not by a foreign relay', () => {
  const own = childCommand('relay', { ...CONTEXT, controlFd: 21, setup: setup() });
  assert.deepEqual(own.inherits, [21]);
  assert.ok(own.argv.includes('--control-fd=3') && !own.argv.includes('-s'), own.argv.join(' '));
  assert.equal(childCommand('ims', { ...CONTEXT, controlFd: 21, setup: setup() }).inherits, undefined);
  const foreign = setup();
  foreign.loaded.config.relay.command = ['rtpproxy', '-f'];
  assert.equal(childCommand('relay', { ...CONTEXT, controlFd: 21, setup: foreign }).inherits, undefined);
});

test('an IPv6 control socket is written as the relay reads it: udp6, no brackets', () => {
  const control = { address: '::1', port: 7722 };
  const { argv } = childCommand('relay', { ...CONTEXT, setup: { ...setup(), control } });
  assert.equal(argv[argv.indexOf('-s') + 1], 'udp6:::1:7722');
  assert.deepEqual(parseControlAddress('udp6:::1:7722'), {
    ok: true,
    value: { kind: 'udp', family: 6, host: '::1', port: 7722 },
  });
});

test('a control socket beyond loopback is for this machine, and for whom relay.controlFrom names', () => {
  const argvOf = (address: string, controlFrom: string[]): string => {
    const made = setup();
    made.loaded.config.relay.controlFrom = controlFrom;
    return childCommand('relay', { ...CONTEXT, setup: { ...made, control: { address, port: 7722 } } }).argv.join(' ');
  };
  assert.doesNotMatch(argvOf('127.0.0.1', []), /--control-from/);
  assert.match(argvOf('10.0.0.5', []), /-s udp:10\.0\.0\.5:7722 --control-from 10\.0\.0\.5 -m/);
  assert.match(argvOf('10.0.0.5', ['10.1.0.0/16']), /--control-from 10\.0\.0\.5 --control-from 10\.1\.0\.0\/16 -m/);
});

test('an advertised address that is not local goes to -A, never to -l', () => {
  const { argv } = childCommand('relay', { ...CONTEXT, setup: setup({}, '10.0.0.5', '203.0.113.5') });
  assert.match(argv.join(' '), /-l 10\.0\.0\.5 .*-A 203\.0\.113\.5/);
});

test('the IMS learns address and relay from its environment, and may not start a relay itself', () => {
  const { env } = childCommand('ims', { ...CONTEXT, setup: setup() });
  assert.deepEqual(
    [env['SERVER_IP'], env['RTPPROXY_UDP_HOST'], env['RTPPROXY_UDP_PORT'], env['RTPPROXY_AUTO_START']],
    ['10.0.0.5', '127.0.0.1', '7722', '0'],
  );
  assert.deepEqual([env['MEDIA_RELAY_BACKEND'], env['PYTHONUNBUFFERED']], ['rtpproxy', '1']);
});

test('the run’s cookie is in every child’s environment', () => {
  const { env, cookies } = childCommand('relay', { ...CONTEXT, setup: setup() });
  assert.deepEqual([env['IMS_LAUNCH_RUN_ID'], env['IMS_LAUNCH_GEN']], ['r1', 'relay-3']);
  assert.deepEqual(cookies, ['IMS_LAUNCH_RUN_ID', 'IMS_LAUNCH_GEN']);
});

test('what npm and a service manager told us is not passed on; what the operator set is', () => {
  const env = {
    PATH: '/bin',
    npm_config_x: '1',
    NOTIFY_SOCKET: '/run/n',
    LISTEN_FDS: '1',
    NODE_CHANNEL_FD: '3',
    PYTHONUNBUFFERED: '0',
    MEDIA_RELAY_BACKEND: 'builtin',
  };
  const child = childCommand('ims', { ...CONTEXT, env, setup: setup() }).env;
  assert.deepEqual(
    ['PATH', 'npm_config_x', 'NOTIFY_SOCKET', 'LISTEN_FDS', 'NODE_CHANNEL_FD'].map((name) => child[name]),
    ['/bin', undefined, undefined, undefined, undefined],
  );
  assert.deepEqual([child['PYTHONUNBUFFERED'], child['MEDIA_RELAY_BACKEND']], ['0', 'builtin']);
});

test('a configured command replaces the program and gets its own environment and directory', () => {
  const env = {
    IMS_LAUNCH_IMS_COMMAND: '["python3","run.py"]',
    IMS_LAUNCH_IMS_CWD: '/srv/ims',
    IMS_LAUNCH_IMS_ENV: '{"SERVER_IP":"192.0.2.1"}',
  };
  const command = childCommand('ims', { ...CONTEXT, setup: setup(env) });
  assert.deepEqual(command.argv, ['python3', 'run.py']);
  assert.deepEqual([command.cwd, command.embedded, command.env['SERVER_IP']], ['/srv/ims', false, '192.0.2.1']);
});
