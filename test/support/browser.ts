/** A real Chromium, headless, that reaches nothing but this machine. */
import { type Browser, chromium } from 'playwright-core';
import type { Scope } from './scope.ts';

/** Without them Chromium asks its maker's hosts for this and that. */
const QUIET = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-dev-shm-usage',
];

export async function openBrowser(scope: Scope): Promise<Browser> {
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: QUIET, timeout: 60_000 });
  scope.defer(() => browser.close());
  return browser;
}
