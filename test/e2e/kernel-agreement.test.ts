/** The interpreter is only worth as much as it agrees with the kernel; and threads with each other. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { Bpf } from '../../src/linux/bpf/bpf.ts';
import { TC_ACT_NEXT, TC_ACT_REDIRECT } from '../../src/linux/bpf/helpers.ts';
import { KernelFlows } from '../../src/planes/kernel/kernel-flows.ts';
import type { InstallerData } from '../fixtures/flow-installer.ts';
import { peersPresent } from '../support/peers.ts';
import { BOTH_FAMILIES, IPV4_PARTIES, SSRC } from '../support/program-cases.ts';
import { InterpreterRunner, KernelRunner } from '../support/program-runners.ts';
import { projectRoot } from '../support/project.ts';
import { rtpPacket, udpFrame } from '../support/rtp-frames.ts';
import { generator } from '../support/seeded.ts';

const FRAMES = 600;

for (const { key, flow } of BOTH_FAMILIES) {
  test(`IPv${key.family}: interpreter and kernel make the same of streams with any bytes changed`, (t) => {
    if (!peersPresent(t, 'bpf')) {
      return;
    }
    const random = generator(key.family);
    const runners = [new InterpreterRunner(), new KernelRunner(t)] as const;
    for (const runner of runners) {
      runner.install(key, { ...flow, payloadTypes: [0, 8, 111, 127] });
    }
    for (let index = 0; index < FRAMES; index += 1) {
      const rtp = {
        ssrc: SSRC,
        sequence: index + random(4) - 2 * random(3),
        marker: random(20) === 0,
        payloadType: random(10) === 0 ? random(128) : 111,
        payload: Buffer.alloc(random(200), random(256)),
      };
      const payload = rtpPacket(rtp);
      const udpChecksum = random(5) === 0 ? 'none' : 'full';
      const frame = udpFrame({
        from: key.remote,
        to: key.local,
        payload,
        udpChecksum,
        ttl: random(255),
        padding: random(4),
      });
      // Behind the hardware addresses: they decide for whom it is before the program is asked.
      for (let change = random(3); change > 0; change -= 1) {
        frame[12 + random(50)] = random(256);
      }
      const [expected, found] = runners.map((runner) => runner.run(frame));
      const text = `frame ${index}: ${frame.toString('hex')}`;
      assert.equal(found?.verdict, expected?.verdict, text);
      assert.equal(found?.frame.toString('hex'), expected?.frame.toString('hex'), text);
    }
    assert.deepEqual(runners[1].left, runners[0].left);
    const [expected, found] = runners.map((runner) => runner.counters(key));
    assert.ok((found?.packets ?? 0) > 10);
    for (const name of ['packets', 'bytes', 'sent', 'lost', 'duplicates', 'lowest', 'highest', 'toSocket'] as const) {
      assert.equal(found?.[name], expected?.[name], name);
    }
  });
}

test('what one thread installs is forwarded, read and ended by the others', async (t) => {
  if (!peersPresent(t, 'bpf')) {
    return;
  }
  const bpf = Bpf.load();
  assert.ok(typeof bpf !== 'string', String(bpf));
  const opened = KernelFlows.open(bpf, 8);
  assert.ok(opened.ok, JSON.stringify(opened));
  const kernel = opened.value;
  kernel.keepAlive(3_600_000);
  const { key, flow } = IPV4_PARTIES;
  const workerData: InstallerData = { share: kernel.share(4, 4), key, flow };
  const worker = new Worker(join(projectRoot, 'build/test/fixtures/flow-installer.js'), { workerData });
  t.after(async () => {
    await worker.terminate();
    kernel.close();
  });
  const [slot] = (await once(worker, 'message')) as [unknown];
  assert.equal(slot, 4);
  const frame = udpFrame({ from: key.remote, to: key.local, payload: rtpPacket({ ssrc: SSRC }) });
  const verdict = (): unknown => {
    const done = bpf.testRun(kernel.program, frame);
    return done.ok && done.value.returned;
  };
  assert.equal(verdict(), TC_ACT_REDIRECT);
  assert.equal(kernel.counters(4).packets, 1);
  worker.postMessage('remove');
  const [packets] = (await once(worker, 'message')) as [unknown];
  assert.equal(packets, 1);
  assert.equal(verdict(), TC_ACT_NEXT);
});
