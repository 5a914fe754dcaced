/** `ims-launch check` beside a system that runs, and what it says of launcher, IMS, configuration and the machine. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { check, codesOf } from '../support/check.ts';
import { choosePlace, configure, eventLine, fixture, startLauncher } from '../support/launcher.ts';
import { peersPresent } from '../support/peers.ts';
import { Program, runProgram } from '../support/program.ts';
import { binary } from '../support/project.ts';
import { startReloadable } from '../support/reload.ts';
import { openScope } from '../support/scope.ts';
import { READY_LINE } from '../support/system.ts';

test('a healthy system: a line an area, nothing found, exit status 0', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place);
  const launcher = startLauncher(scope, place);
  await launcher.waitForLine(READY_LINE);
  const { code, output } = await runProgram(scope, {
    name: 'check',
    command: [process.execPath, binary('ims-launch'), 'check', '--config', place.configPath],
    cwd: place.directory,
    env: { XDG_RUNTIME_DIR: place.directory },
  });
  assert.equal(code, 0, output);
  assert.match(output, /^ok {7}configuration {2}\/.*config\.json$/m);
  assert.match(output, new RegExp(`^ok {7}ims-launch {5}ready, process ${launcher.pid}$`, 'm'));
  assert.match(output, /^ok {7}relay {10}answers on udp 127\.0\.0\.1:\d+, process \d+ \(.*ims-relay\.js/m);
  assert.match(output, /^ok {7}media {10}RTP and RTCP pass both ways in \d+\.\d ms$/m);
  assert.match(output, /^ok {7}IMS {12}answers on SIP port \d+, process \d+ \(.*ims-server\.js/m);
  assert.doesNotMatch(output, /broken/);
  assert.ok(!output.includes('\u001b'), 'no colours where there is no terminal');
  assert.ok(output.split('\n').length <= 24, `one screen:\n${output}`);
});

test('configuration-invalid: the file and the place, and nothing of what would follow from it', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await writeFile(place.configPath, '{ "SERVER_PORT": 5060,, }');
  const result = await check(scope, place);
  assert.deepEqual(codesOf(result), ['configuration-invalid']);
  const { evidence, fix } = result.finding('configuration-invalid');
  assert.match(evidence, /^IMS_ERR_CONFIG_SYNTAX: .*config\.json:1:23 is not JSON/);
  assert.ok(fix.endsWith(place.configPath));
});

test('configuration-stale: a change that the running system does not take', async (t) => {
  const run = await startReloadable(t);
  await configure(run.place, { ...run.keys, SERVER_ADDR: 'no-such-host.invalid' });
  await run.launcher.waitForLine(eventLine('reload.rejected'), 60_000);
  const { fix } = (await check(run.scope, run.place)).finding('configuration-stale');
  assert.match(fix, / reload --config /);
});

test('launcher-mute: an ims-launch that was stopped by a signal answers again after the command given', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place);
  const launcher = startLauncher(scope, place);
  await launcher.waitForLine(READY_LINE);
  launcher.signal('SIGSTOP');
  const { evidence, fix } = (await check(scope, place)).finding('launcher-mute');
  assert.match(evidence, new RegExp(`gives no answer: it does not answer; it is process ${launcher.pid} `));
  assert.equal(fix, `kill -CONT ${launcher.pid}`);
  execFileSync('sh', ['-c', fix]);
  assert.ok(!codesOf(await check(scope, place)).includes('launcher-mute'));
});

test('sip-port-taken: a program that is no IMS holds the SIP port', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place);
  const holder = Program.start(scope, { name: 'udp-holder', command: fixture('udp-holder', place.sipPort) });
  await holder.waitForLine(/holding/);
  const { evidence, fix } = (await check(scope, place)).finding('sip-port-taken');
  assert.match(evidence, new RegExp(`^SIP port ${place.sipPort} \\(UDP\\) is held by process ${holder.pid} `));
  assert.equal(fix, `kill ${holder.pid}`);
});

test('ims-not-answering: an IMS that is started and does not speak', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  const command = fixture('sip-stub', '--port', place.sipPort, '--deaf');
  await configure(place, { ims: { command, startTimeoutMs: 0 } });
  const launcher = startLauncher(scope, place);
  await launcher.waitForLine(/sip-stub: listening/);
  const { evidence, fix } = (await check(scope, place)).finding('ims-not-answering');
  assert.match(evidence, new RegExp(`^no answer from SIP port ${place.sipPort}; the IMS is in state starting`));
  assert.match(evidence, /its last line: sip-stub: listening$/);
  assert.match(fix, / logs ims --config /);
});

test('ims-other-relay: an IMS that was told another control port', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place);
  const stub = Program.start(scope, {
    name: 'sip-stub',
    command: fixture('sip-stub', '--port', place.sipPort),
    env: { RTPPROXY_UDP_PORT: '7799' },
  });
  await stub.waitForLine(/sip-stub: listening/);
  const result = await check(scope, place);
  const { evidence } = result.finding('ims-other-relay');
  assert.match(
    evidence,
    new RegExp(`process ${stub.pid} .* uses the relay at 127\\.0\\.0\\.1:7799 \\(RTPPROXY_UDP_PORT`),
  );
  assert.ok(evidence.endsWith(`; the configuration names 127.0.0.1:${place.relayPort}`), evidence);
  assert.ok(!codesOf(result).includes('sip-port-taken'), 'an IMS that somebody started by hand is none');
});

test('clock-jump: the clock was set after ims-launch was started', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place);
  const [, script = ''] = fixture('wrong-clock');
  const launcher = startLauncher(scope, place, {
    env: {
      NODE_OPTIONS: `--import=${pathToFileURL(script)}`,
      CLOCK_OFF_MS: '-3600000',
      CLOCK_OFF_PROGRAM: 'ims-launch.js',
    },
  });
  await launcher.waitForLine(READY_LINE);
  const { evidence } = (await check(scope, place)).finding('clock-jump');
  const [, seconds] = /^the clock was set by \+(\d+)\.\d s since ims-launch /.exec(evidence) ?? [];
  assert.ok(Math.abs(Number(seconds) - 3600) < 60, evidence);
});

test('file-limit-low: the relay may open fewer files than its ports have room for', async (t) => {
  if (!peersPresent(t, 'prlimit')) {
    return;
  }
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place);
  const [node, ...words] = fixture('rtpproxy-stub', '--port', place.relayPort);
  const stub = Program.start(scope, { name: 'rtpproxy-stub', command: ['prlimit', '--nofile=90:90', node, ...words] });
  await stub.waitForLine(/rtpproxy-stub: ready/);
  const { evidence, fix } = (await check(scope, place)).finding('file-limit-low');
  assert.match(evidence, /^90 files may be open, which is room for 6 calls; the media ports have room for 8$/);
  assert.match(fix, /LimitNOFILE=96/);
});

test('receive-buffer-small: net.core.rmem_max below what Linux has by itself', async (t) => {
  if (!peersPresent(t, 'pid namespaces')) {
    return;
  }
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place);
  // The machine's own setting stays: the file is covered for this one process.
  const cover = join(place.directory, 'rmem_max');
  await writeFile(cover, '16384\n');
  const script = `mount --bind ${cover} /proc/sys/net/core/rmem_max && exec "$@"`;
  const result = await check(scope, place, { prefix: ['unshare', '--mount', 'sh', '-c', script, 'sh'] });
  const { evidence, fix } = result.finding('receive-buffer-small');
  assert.match(evidence, /^net\.core\.rmem_max is 16384 and /);
  assert.match(fix, /^sudo sysctl -w net\.core\.rmem_max=4194304 net\.core\.rmem_default=\d+$/);
});

test('kernel-path-rights: plane kernel, and a relay without the capabilities', async (t) => {
  if (!peersPresent(t, 'setpriv')) {
    return;
  }
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place, { relay: { plane: 'kernel' } });
  const [node, ...words] = fixture('rtpproxy-stub', '--port', place.relayPort);
  const stub = Program.start(scope, {
    name: 'rtpproxy-stub',
    command: ['setpriv', '--bounding-set', '-net_admin', node, ...words],
  });
  await stub.waitForLine(/rtpproxy-stub: ready/);
  const { evidence } = (await check(scope, place)).finding('kernel-path-rights');
  assert.match(evidence, /has not both CAP_NET_ADMIN and CAP_BPF/);
});

test('a word too many is a usage error, and a file that is named and missing is said to be', async (t) => {
  const scope = openScope(t);
  const command = [process.execPath, binary('ims-launch'), 'check'] as const;
  const { code } = await runProgram(scope, { name: 'check', command: [...command, '--fix'] });
  assert.equal(code, 64);
  const place = await choosePlace(scope);
  assert.match((await check(scope, place)).finding('configuration-invalid').evidence, /^IMS_ERR_CONFIG_MISSING: /);
});
