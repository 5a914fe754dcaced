/** What a page of the dashboard asks for while it is open, without the browser. */
import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** As `dashboard/page/app.ts` does. */
const LOOK_EVERY_MS = 2000;
const LOOKS_BETWEEN_IMS = 5;

/** Until the signal says so. Every answer is read to its end. */
export async function keepPageOpen(url: string, signal: AbortSignal): Promise<void> {
  const stream = request(new URL('/api/events', url), { agent: false }, (response) => response.resume());
  stream.on('error', () => {});
  stream.end();
  try {
    for (let looks = 0; !signal.aborted; looks++) {
      const paths = [
        '/api/status',
        '/api/calls',
        ...(looks % LOOKS_BETWEEN_IMS === 0 ? ['/api/registrations', '/api/bans'] : []),
      ];
      for (const path of paths) {
        const response = await fetch(new URL(path, url));
        await response.arrayBuffer();
        if (!response.ok) {
          throw new Error(`${path}: ${response.status}`);
        }
      }
      await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => {});
    }
  } finally {
    stream.destroy();
  }
}
