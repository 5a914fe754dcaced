/** The page in a real Chromium, of a system that runs. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openBrowser } from '../support/browser.ts';
import { startDashboard } from '../support/dashboard.ts';
import { peersPresent } from '../support/peers.ts';
import { askRelay } from '../support/rtpp.ts';
import { openScope } from '../support/scope.ts';

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
