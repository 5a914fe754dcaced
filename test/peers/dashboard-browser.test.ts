/** The page in a real Chromium, of a system that runs. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { openBrowser } from '../support/browser.ts';
import { startDashboard } from '../support/dashboard.ts';
import { peersPresent } from '../support/peers.ts';
import { keepTalking, RtpParty, sdpOf } from '../support/rtp-party.ts';
import { askRelay } from '../support/rtpp.ts';
import { openScope } from '../support/scope.ts';
import { SipPeer } from '../support/sip-peer.ts';
import { waitFor } from '../support/wait.ts';

/** A machine with other work draws slowly. */
const PATIENCE = { timeout: 60_000 } as const;
const MARKUP = '<img/src=x/onerror=document.title=666>';

/** Pictures for people who want to see it: IMS_SCREENSHOTS names the folder. */
function pictureOf(name: string): { readonly path: string; readonly fullPage: true } | undefined {
  const folder = process.env['IMS_SCREENSHOTS'];
  if (folder === undefined) {
    return undefined;
  }
  mkdirSync(folder, { recursive: true });
  return { path: join(folder, `${name}.png`), fullPage: true };
}

test('the page shows the system, restarts a service by keyboard, speaks Chinese; hostile text stays text', async (t) => {
  if (!peersPresent(t, 'chromium')) return;
  const scope = openScope(t);
  const { url, place, launcher } = await startDashboard(scope);
  const browser = await openBrowser(scope);
  const page = await browser.newPage({ colorScheme: 'light', locale: 'en' });
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') {
      complaints.push(message.text());
    }
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(url);
  await page
    .getByRole('status')
    .filter({ hasText: /^ready$/ })
    .waitFor(PATIENCE);
  await page.getByText('the system is up').waitFor(PATIENCE);

  // A Call-ID that would be markup, as the relay logs it.
  assert.match(await askRelay(place.relayPort, `U ${MARKUP} 127.0.0.1 4000 from`), /^\d+/);
  await page.getByRole('log', { name: 'Log of relay and IMS' }).getByText(MARKUP).first().waitFor(PATIENCE);
  assert.equal(await page.locator('img').count(), 0);
  const light = pictureOf('light');
  if (light !== undefined) await page.screenshot(light);

  const restart = page.getByRole('button', { name: 'Restart ims' });
  await restart.focus();
  await page.keyboard.press('Enter');
  await page
    .getByRole('row')
    .filter({ hasText: 'ims' })
    .filter({ hasText: 'ready' })
    .filter({ hasText: ' 1' })
    .waitFor(PATIENCE);

  await page.emulateMedia({ colorScheme: 'dark' });
  await page.getByRole('button', { name: '中文' }).click();
  await page.getByRole('heading', { name: '进程' }).waitFor(PATIENCE);
  await page.getByRole('status').filter({ hasText: '就绪' }).waitFor(PATIENCE);
  const dark = pictureOf('dark');
  if (dark !== undefined) await page.screenshot(dark);
  assert.notEqual(await page.title(), '666');

  launcher.signal('SIGTERM');
  await launcher.waitForExit();
  await page.getByRole('alert').filter({ hasText: '连接已断开' }).waitFor(PATIENCE);
  assert.deepEqual(
    complaints.filter((each) => !/ERR_|Failed to load/.test(each)),
    [],
  );
});

test('a call appears; the direction that nobody hears is red, the other one is not; the check is run', async (t) => {
  if (!peersPresent(t, 'chromium')) return;
  const scope = openScope(t);
  const { url, place } = await startDashboard(scope, {}, { ims: { trustedPeers: ['127.0.0.1'] } });
  const [caller, callee] = [await SipPeer.open(scope, place.sipPort), await SipPeer.open(scope, place.sipPort)];
  const voice = await RtpParty.open(scope, 'caller');
  const mute = await RtpParty.open(scope, 'callee');
  const browser = await openBrowser(scope);
  const page = await browser.newPage({ locale: 'en' });
  await page.goto(url);
  await page.getByText('no calls').waitFor(PATIENCE);

  await callee.register('1002', `User-Agent: ${MARKUP}`);
  const callId = '<b>one-way</b>';
  const dialog = `From: "${MARKUP}" <sip:trunk@127.0.0.1>;tag=caller\nCall-ID: ${callId}`;
  caller.send(`INVITE sip:1002@127.0.0.1 SIP/2.0\n${dialog}\nTo: <sip:1002@127.0.0.1>\nCSeq: 1 INVITE`, sdpOf(voice));
  callee.answer(await callee.request('INVITE'), 200, sdpOf(mute));
  const answer = await caller.response(200);
  const to = answer.headers.get('To');
  caller.send(`ACK sip:1002@127.0.0.1:${place.sipPort} SIP/2.0\n${dialog}\nTo: ${to}\nCSeq: 1 ACK`);
  keepTalking(scope, voice, Number(/^m=audio (\d+)/m.exec(Buffer.from(answer.body).toString())?.[1]));

  await page.getByRole('row').filter({ hasText: 'trunk' }).filter({ hasText: 'flows' }).waitFor(PATIENCE);
  const dead = page.getByRole('row').filter({ hasText: "callee's RTP never arrived" });
  await dead.waitFor(PATIENCE);
  assert.equal(await dead.locator('.bad').count(), 1);
  assert.equal(await page.getByRole('row').filter({ hasText: 'trunk' }).locator('.bad').count(), 0);

  await page.getByRole('button', { name: 'Run the check' }).click();
  // What is found depends on the machine; that something is said does not.
  await page.getByRole('region', { name: 'What is wrong?' }).locator('.good, .bad, .warn').first().waitFor(PATIENCE);
  const devices = page.getByRole('region', { name: 'Registered devices' });
  await devices.getByRole('row').filter({ hasText: '1002' }).filter({ hasText: MARKUP }).waitFor(PATIENCE);
  await page.getByRole('img', { name: /4\.34: caller 1/ }).waitFor(PATIENCE);
  const picture = pictureOf('one-way');
  if (picture !== undefined) await page.screenshot(picture);

  // Its ladder, by keyboard alone: opened, a message read, closed, and the focus is where it was.
  const opener = page.getByRole('button', { name: 'SIP of the call sip:trunk@127.0.0.1' });
  await opener.focus();
  await page.keyboard.press('Enter');
  const shown = page.getByRole('dialog', { name: 'SIP and media of the call' });
  const rung = (name: string) => shown.locator('summary').filter({ has: page.getByRole('img', { name, exact: true }) });
  const remote = `127.0.0.1:${caller.port}`;
  await rung(`${remote} → ims-server: INVITE`)
    .filter({ hasText: `audio 127.0.0.1:${voice.port}` })
    .waitFor(PATIENCE);
  await rung(`ims-server → ${remote}: 200 OK`).waitFor(PATIENCE);
  assert.equal(
    await shown.getByRole('row').filter({ hasText: "callee's RTP never arrived" }).locator('.bad').count(),
    1,
  );
  await rung(`${remote} → ims-server: INVITE`).focus();
  await page.keyboard.press('Enter');
  const text = shown.locator('details[open] pre');
  await text.waitFor(PATIENCE);
  assert.ok((await text.innerText()).includes(`From: "${MARKUP}"`));
  const ladder = pictureOf('ladder-light');
  if (ladder !== undefined) {
    await page.screenshot({ path: ladder.path });
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.screenshot({ path: ladder.path.replace('light', 'dark') });
    await page.emulateMedia({ colorScheme: 'light' });
  }

  caller.send(`BYE sip:1002@127.0.0.1:${place.sipPort} SIP/2.0\n${dialog}\nTo: ${to}\nCSeq: 2 BYE`);
  // A ladder that is open goes on: nothing was opened again, and what was read stays unfolded.
  await rung(`${remote} → ims-server: BYE`).waitFor(PATIENCE);
  await shown.getByText('The call is over').waitFor(PATIENCE);
  assert.equal(await shown.locator('details[open]').count(), 1);
  await page.keyboard.press('Escape');
  await shown.waitFor({ ...PATIENCE, state: 'hidden' });
  await page.getByText('no calls').waitFor(PATIENCE);
  const records = page.getByRole('region', { name: 'Call records' });
  // By keyboard alone: Enter in a field searches.
  await records.getByRole('searchbox', { name: 'Number, address or Call-ID' }).fill('ONE-way');
  const found = records.getByRole('row').filter({ hasText: callId });
  await waitFor('the record of the call', async () => {
    await page.keyboard.press('Enter');
    return (await found.count()) === 1;
  });
  assert.match(
    (await found.innerText()).replace(/\s+/g, ' '),
    /sip:trunk@127\.0\.0\.1 sip:1002@127\.0\.0\.1 .*200 16 bye caller/,
  );
  // Of a call that has ended: its SIP, and its media as the record has it.
  await found.getByRole('button', { name: `SIP of the call ${callId}` }).press('Enter');
  await rung(`${remote} → ims-server: BYE`).waitFor(PATIENCE);
  await shown.getByRole('row').filter({ hasText: 'callee' }).filter({ hasText: 'never-arrived' }).waitFor(PATIENCE);
  await shown.getByRole('button', { name: 'Close' }).press('Enter');
  const table = pictureOf('records');
  if (table !== undefined) await page.screenshot(table);
  const [download] = await Promise.all([
    page.waitForEvent('download', PATIENCE),
    records.getByRole('link', { name: 'Download CSV' }).click(),
  ]);
  assert.match(download.suggestedFilename(), /^calls-[0-9-]+\.csv$/);
  assert.ok((await readFile(await download.path(), 'utf8')).includes(callId));
  await records.getByRole('spinbutton', { name: 'Cause (Q.850)' }).fill('17');
  await records.getByRole('button', { name: 'Search' }).click();
  await records.getByText('no records').waitFor(PATIENCE);
  assert.deepEqual([await page.locator('main img, main b').count(), await page.title()], [0, 'ready – ims-launch']);
});
