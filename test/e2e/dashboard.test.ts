/** The dashboard of a system that runs, asked over HTTP: who is admitted, what is told, and what idle readers cost. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { type IncomingMessage, request } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { startDashboard } from '../support/dashboard.ts';
import { choosePlace, configure, startLauncher } from '../support/launcher.ts';
import { mediaChecksOf } from '../support/launcher-status.ts';
import { peersPresent } from '../support/peers.ts';
import { projectRoot } from '../support/project.ts';
import { openScope, type Scope } from '../support/scope.ts';
import { waitFor, within } from '../support/wait.ts';

const TOKEN = 'a token of some length';

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** fetch() would not send a Host of our choice. */
function ask(url: string, path: string, method = 'GET', headers: Record<string, string> = {}): Promise<Answer> {
  const answer = new Promise<Answer>((resolve, reject) => {
    const asking = request(new URL(path, url), { method, headers, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
    });
    asking.on('error', reject);
    asking.end();
  });
  return within('an answer of the dashboard', 30_000, answer);
}

/** A reader of the event stream; what it was told so far. */
function follow(
  scope: Scope,
  url: string,
  headers: Record<string, string> = {},
): { text: () => string; ended: () => boolean } {
  let [text, ended] = ['', false];
  const asking = request(new URL('/api/events', url), { agent: false, headers }, (response) => {
    response.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    response.on('close', () => {
      ended = true;
    });
  });
  asking.on('error', () => {});
  asking.end();
  scope.defer(() => {
    asking.destroy();
  });
  return { text: () => text, ended: () => ended };
}

test('metrics are such as promtool accepts, readiness follows the system, and a restart is ordered', async (t) => {
  if (!peersPresent(t, 'promtool')) return;
  const scope = openScope(t);
  const { url, place, launcher } = await startDashboard(scope);
  assert.deepEqual((await ask(url, '/livez')).body, 'ok\n');
  const ready = await ask(url, '/readyz');
  assert.deepEqual([ready.status, ready.body], [200, 'ready\n']);

  const { status, body, headers } = await ask(url, '/metrics');
  assert.equal(status, 200);
  assert.match(headers['content-type'] ?? '', /^text\/plain; version=0\.0\.4/);
  const checked = spawnSync('promtool', ['check', 'metrics'], { input: body, encoding: 'utf8' });
  assert.equal(checked.status, 0, checked.stderr);
  assert.match(body, /^ims_launch_ready 1$/m);
  // The sessions of the readiness check.
  assert.match(body, /^ims_relay_sessions_created_total [1-9]/m);

  const { origin } = new URL(url);
  const ordered = await ask(url, '/api/services/relay/restart', 'POST', { origin });
  assert.deepEqual([ordered.status, JSON.parse(ordered.body)], [200, { outcome: 'restarting' }]);
  await waitFor('another relay', async () =>
    /^ims_launch_service_restarts_total\{service="relay"\} 1$/m.test((await ask(url, '/metrics')).body),
  );
  assert.equal((await ask(url, '/api/services/moon/restart', 'POST', { origin })).status, 404);
  const bans = await ask(url, '/api/bans');
  assert.deepEqual([bans.status, JSON.parse(bans.body)], [200, []]);
  assert.ok((await mediaChecksOf(place)) >= 0);
  launcher.signal('SIGTERM');
  assert.equal((await launcher.waitForExit()).code, 0);
});

test('the rules for alerts are such as promtool accepts', (t) => {
  if (!peersPresent(t, 'promtool')) return;
  const rules = join(projectRoot, 'config', 'prometheus-rules.yml');
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'rules', rules], { encoding: 'utf8' });
  assert.equal(status, 0, stdout + stderr);
});

test('pages of other sites, strangers without the token, and unknown paths get nothing', async (t) => {
  const scope = openScope(t);
  const { url } = await startDashboard(scope, { token: TOKEN });
  const authorization = `Bearer ${TOKEN}`;
  assert.equal((await ask(url, '/api/status', 'GET', { host: 'evil.example', authorization })).status, 421);
  assert.equal(
    (await ask(url, '/api/services/ims/restart', 'POST', { authorization, origin: 'http://evil.example' })).status,
    403,
  );
  assert.equal((await ask(url, '/api/services/ims/restart', 'POST', { authorization })).status, 403);
  for (const path of ['/', '/app.js', '/metrics', '/api/status', '/api/events', '/nothing']) {
    assert.equal((await ask(url, path)).status, 401, path);
  }
  assert.equal((await ask(url, '/livez')).status, 200);
  assert.equal((await ask(url, '/metrics', 'GET', { authorization })).status, 200);
  assert.equal((await ask(url, '/nothing', 'GET', { authorization })).status, 404);
  assert.equal((await ask(url, '/../../etc/passwd', 'GET', { authorization })).status, 404);

  const login = await ask(url, `/?token=${encodeURIComponent(TOKEN)}`);
  assert.deepEqual([login.status, login.headers.location], [303, '/']);
  const [cookie = ''] = login.headers['set-cookie'] ?? [];
  assert.match(cookie, /HttpOnly; SameSite=Strict/);
  assert.ok(!cookie.includes(TOKEN));
  const page = await ask(url, '/', 'GET', { cookie: cookie.split(';', 1)[0] ?? '' });
  assert.equal(page.status, 200);
  assert.match(String(page.headers['content-security-policy']), /default-src 'none'; script-src 'self'/);
  assert.doesNotMatch(page.body, /<script>|style=|onclick/i);
});

test('a hundred readers of events that do not read block nobody; one who comes again misses nothing', async (t) => {
  const scope = openScope(t);
  const { url, launcher } = await startDashboard(scope);
  const readers = Array.from({ length: 100 }, () => follow(scope, url));
  await waitFor('the first events', () => readers.every(({ text }) => text().includes('event: event')));
  const last = [...(readers[0]?.text() ?? '').matchAll(/^id: (.+)$/gm)].at(-1)?.[1] ?? '';
  launcher.signal('SIGUSR1');
  const { origin } = new URL(url);
  assert.equal((await ask(url, '/api/services/ims/restart', 'POST', { origin })).status, 200);
  await waitFor('the restart, told to all', () => readers.every(({ text }) => /"event":"ims\.spawn"/.test(text())));
  const again = follow(scope, url, { 'last-event-id': last });
  await waitFor('what was missed', () => /"event":"ims\.spawn"/.test(again.text()));
  const seen = Number(/event=(\d+)/.exec(last)?.[1]);
  const seqs = [...again.text().matchAll(/^event: event\nid: event=(\d+)/gm)].map(([, seq]) => Number(seq));
  assert.ok(seqs.length > 0 && seqs.every((seq) => seq > seen));
  assert.ok((await ask(url, '/readyz')).status > 0);
  launcher.signal('SIGTERM');
  assert.equal((await launcher.waitForExit()).code, 0);
  await waitFor('the end of every stream', () => readers.every(({ ended }) => ended()));
});

test('a port that another program has, and an address that others reach, are refused with what to do', async (t) => {
  const scope = openScope(t);
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
  scope.defer(() => {
    holder.close();
  });
  const { port } = holder.address() as { port: number };
  const place = await choosePlace(scope);
  await configure(place, { dashboard: { listen: `127.0.0.1:${port}` } });
  const taken = startLauncher(scope, place);
  assert.equal((await taken.waitForExit()).code, 69);
  assert.match(taken.output, new RegExp(`the dashboard cannot use 127\\.0\\.0\\.1:${port}: another program has it`));

  await configure(place, { dashboard: { listen: '0.0.0.0:0' } });
  const open = startLauncher(scope, place);
  assert.equal((await open.waitForExit()).code, 78);
  assert.match(open.output, /dashboard\.listen 0\.0\.0\.0:0 is open to others: set dashboard\.token/);
});
