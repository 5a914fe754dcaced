import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RULES, World } from './world.ts';

const NO_AUTO_START = { ...RULES, relay: { ...RULES.relay, autoStart: false } };

test('order of a start: configuration, probe, claim, relay, V, media, IMS, OPTIONS, block', () => {
  const world = new World();
  world.claim = undefined;
  world.post({ kind: 'boot' });
  assert.deepEqual([world.phase, ...world.take()], ['config', 'load-config']);
  world.post({ kind: 'configured', rules: RULES });
  assert.deepEqual([world.phase, ...world.take()], ['probe', 'probe-relay']);
  world.tell({ kind: 'relay-probed', verdict: { kind: 'absent' } });
  assert.deepEqual([world.phase, ...world.take()], ['probe', 'claim-control']);
  world.tell({ kind: 'control-claimed', outcome: 'held', detail: '' });
  assert.deepEqual([world.phase, ...world.take()], ['up-relay', 'spawn relay']);
  world.tell({ kind: 'spawned', service: 'relay', pid: 4711 });
  assert.deepEqual(world.take(), []);
  world.tell({ kind: 'reported-ready', service: 'relay' });
  assert.deepEqual(world.take(), ['check relay']);
  world.tell({ kind: 'checked', service: 'relay', outcome: 'answered', finding: '' });
  assert.deepEqual(world.take(), ['prove-media']);
  world.tell({ kind: 'media-proved', ok: true, finding: '' });
  assert.deepEqual([world.phase, ...world.take()], ['up-ims', 'spawn ims']);
  world.tell({ kind: 'spawned', service: 'ims', pid: 4712 });
  world.tell({ kind: 'reported-ready', service: 'ims' });
  assert.deepEqual(world.take(), ['check ims']);
  world.tell({ kind: 'checked', service: 'ims', outcome: 'answered', finding: '' });
  assert.deepEqual([world.phase, ...world.take()], ['running', 'announce']);
});

test('a foreign command is asked from outside, because it reports nothing', () => {
  const world = new World().boot({
    ...RULES,
    relay: { ...RULES.relay, embedded: false },
    ims: { ...RULES.ims, embedded: false },
  });
  world.tell({ kind: 'relay-probed', verdict: { kind: 'absent' } }).take();
  world.advance(150);
  assert.deepEqual(world.take(), ['check relay']);
  world.tell({ kind: 'checked', service: 'relay', outcome: 'refused', finding: 'refused' });
  world.advance(150);
  assert.deepEqual(world.take(), ['check relay']);
});

test('the IMS is not started before media passed through the relay', () => {
  const world = new World().boot();
  world.tell({ kind: 'relay-probed', verdict: { kind: 'absent' } });
  world.tell({ kind: 'reported-ready', service: 'relay' });
  world.tell({ kind: 'checked', service: 'relay', outcome: 'answered', finding: '' }).take();
  world.tell({ kind: 'media-proved', ok: false, finding: 'no packet' });
  world.advance(300);
  assert.deepEqual(world.take(), ['prove-media']);
  world.tell({ kind: 'media-proved', ok: true, finding: '' });
  assert.deepEqual(world.take(), ['spawn ims']);
});

test('a relay that answers is adopted, proved once and never signalled', () => {
  const world = new World().boot();
  world.take();
  world.tell({ kind: 'relay-probed', verdict: { kind: 'rtpp', description: 'RTPP 20040107' } });
  assert.deepEqual(world.take(), ['prove-media']);
  world.tell({ kind: 'media-proved', ok: true, finding: '' });
  assert.deepEqual(world.take(), ['spawn ims']);
  world.bringUp('ims').take();
  assert.equal(world.phase, 'running');
  world.post({ kind: 'signal', signal: 'SIGTERM', reason: 'SIGTERM' });
  assert.deepEqual(world.take(), ['request-stop ims']);
  world.die('ims', 0);
  assert.deepEqual(world.take(), ['term-rest ims', 'sweep']);
  world.post({ kind: 'swept', found: 0 }).post({ kind: 'swept', found: 0 });
  assert.deepEqual(world.take(), ['sweep', 'exit 0']);
});

test('a found relay whose media cannot be proved is used after three tries, with a warning', () => {
  const world = new World().boot();
  world.tell({ kind: 'relay-probed', verdict: { kind: 'rtpp', description: 'remote' } });
  for (let attempt = 0; attempt < 3; attempt++) {
    assert.equal(world.take().includes('spawn ims'), false);
    world.tell({ kind: 'media-proved', ok: false, finding: 'not local' });
    if (attempt < 2) {
      world.advance(300);
    }
  }
  assert.deepEqual(world.take(), ['spawn ims']);
  assert.ok(world.reports.includes('relay.media'));
});

test('fault 5: a foreign holder of the control port ends the start with 69 and its name', () => {
  const world = new World().boot();
  world.tell({ kind: 'relay-probed', verdict: { kind: 'foreign', owner: 'process 7 (nc -u)' } });
  world.post({ kind: 'swept', found: 0 }).post({ kind: 'swept', found: 0 });
  assert.equal(world.exit()?.exitCode, 69);
  assert.equal(world.exit()?.failure?.code, 'IMS_ERR_RELAY_FOREIGN');
  assert.match(world.exit()?.failure?.message ?? '', /process 7 \(nc -u\)/);
});

test('fault 6: a silent holder is asked for 5 s, then the start ends with 69; nothing is spawned beside it', () => {
  const world = new World().boot();
  const asked: string[] = [];
  for (let elapsed = 0; elapsed < 7000 && world.exit() === undefined; elapsed += 1600) {
    asked.push(...world.take());
    world.now += 1500;
    world.tell({ kind: 'relay-probed', verdict: { kind: 'silent', owner: 'process 8 (x)' } });
    world.advance(100);
  }
  world.post({ kind: 'swept', found: 0 }).post({ kind: 'swept', found: 0 });
  assert.equal(world.exit()?.failure?.code, 'IMS_ERR_RELAY_SILENT');
  assert.equal(asked.filter((effect) => effect === 'probe-relay').length, 5);
  assert.equal(asked.includes('spawn relay'), false);
});

test('RTPPROXY_AUTO_START=0 and no relay: a warning, the IMS starts, and a relay that appears is adopted', () => {
  const world = new World().boot(NO_AUTO_START);
  world.take();
  world.tell({ kind: 'relay-probed', verdict: { kind: 'absent' } });
  assert.deepEqual(world.take(), ['spawn ims']);
  assert.ok(world.reports.includes('relay.absent'));
  world.bringUp('ims');
  assert.equal(world.phase, 'degraded');
  assert.ok(world.take().includes('announce'));
  world.advance(2000);
  assert.deepEqual(world.take(), ['probe-relay']);
  world.tell({ kind: 'relay-probed', verdict: { kind: 'absent' } });
  world.advance(2000);
  world.tell({ kind: 'relay-probed', verdict: { kind: 'rtpp', description: '' } });
  world.tell({ kind: 'media-proved', ok: true, finding: '' });
  assert.equal(world.phase, 'running');
  assert.deepEqual(world.take(), ['probe-relay', 'prove-media', 'tell-relay-up']);
  assert.equal(world.reports.filter((event) => event === 'relay.absent').length, 1);
});

test('--require-relay makes the IMS wait for a relay that somebody else starts, and end with 69 in the end', () => {
  const world = new World().boot({ ...NO_AUTO_START, relay: { ...NO_AUTO_START.relay, required: true } });
  for (let elapsed = 0; elapsed < 10_000; elapsed += 2000) {
    assert.equal(world.take().includes('spawn ims'), false);
    world.tell({ kind: 'relay-probed', verdict: { kind: 'absent' } });
    world.advance(2000);
  }
  world.post({ kind: 'swept', found: 0 }).post({ kind: 'swept', found: 0 });
  assert.equal(world.exit()?.exitCode, 69);
});

test('a configuration that cannot be used ends the start with its status, and nothing is spawned', () => {
  const world = new World().post({ kind: 'boot' });
  const failure = { code: 'IMS_ERR_CONFIG_SYNTAX', message: 'x.json:3:4 is not JSON' } as const;
  world.post({ kind: 'config-failed', exitCode: 78, failure });
  world.post({ kind: 'swept', found: 0 }).post({ kind: 'swept', found: 0 });
  assert.deepEqual(world.take(), ['load-config', 'sweep', 'sweep', 'exit 78']);
});

test('fault 31: a stop while the relay comes up: the IMS is never started', () => {
  const world = new World().boot();
  world.tell({ kind: 'relay-probed', verdict: { kind: 'absent' } });
  world.tell({ kind: 'spawned', service: 'relay', pid: 1 });
  world.post({ kind: 'signal', signal: 'SIGTERM', reason: 'SIGTERM' });
  world.die('relay', 0).post({ kind: 'swept', found: 0 }).post({ kind: 'swept', found: 0 });
  const effects = world.take();
  assert.equal(effects.includes('spawn ims'), false);
  assert.equal(effects.at(-1), 'exit 0');
});

test('answers to an earlier incarnation are ignored', () => {
  const world = new World().up();
  const stale = world.state.ims.generation;
  world.die('ims', 1);
  world.advance(300);
  assert.ok(world.take().includes('spawn ims'));
  world.post({ kind: 'exited', service: 'ims', generation: stale, exitCode: 1, signal: undefined, daemonised: false });
  world.post({ kind: 'extinct', service: 'ims', generation: stale });
  assert.equal(world.condition('ims'), 'starting');
  assert.ok(world.reports.includes('comp.stale'));
});
