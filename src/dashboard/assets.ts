/** What browsers are given as it is, by path. */
import { readFileSync } from 'node:fs';
import { HTML } from './html.ts';
import { STYLE } from './style.ts';

export interface Asset {
  readonly type: string;
  readonly body: string;
}

/** The modules of `page/`, compiled. */
const SCRIPTS = [
  'app',
  'calls',
  'elements',
  'findings',
  'ladder',
  'quality',
  'records',
  'registrations',
  'rung',
  'sections',
  'sparkline',
  'words',
] as const;

/** Read once; a request touches no file. @throws Error when the package is not whole */
export function loadAssets(): Readonly<Record<string, Asset>> {
  const assets: Record<string, Asset> = {
    '/': { type: 'text/html; charset=utf-8', body: HTML },
    '/style.css': { type: 'text/css; charset=utf-8', body: STYLE },
  };
  for (const name of SCRIPTS) {
    const body = readFileSync(new URL(`./page/${name}.js`, import.meta.url), 'utf8');
    assets[`/${name}.js`] = { type: 'text/javascript; charset=utf-8', body };
  }
  return assets;
}
