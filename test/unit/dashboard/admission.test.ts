import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Asking, admit, cookieValue, TOKEN_COOKIE } from '../../../src/dashboard/admission.ts';

const TOKEN = 'a token of some length';
const RULES = { token: undefined, hosts: ['ims.example'] };

function verdict(asking: Partial<Asking>, token?: string): string {
  const found = admit(
    {
      method: 'GET',
      path: '/api/status',
      host: '127.0.0.1:7780',
      origin: undefined,
      authorization: undefined,
      cookie: undefined,
      queryToken: undefined,
      ...asking,
    },
    { ...RULES, token },
  );
  return found.kind === 'admitted' ? (found.setCookie ? 'admitted, cookie' : 'admitted') : `${found.status}`;
}

test('a name that is not ours is refused, so that a page of another site cannot rebind to us', () => {
  for (const host of ['127.0.0.1', '127.0.0.1:7780', '[::1]:7780', 'localhost:7780', 'LOCALHOST', 'ims.example:80']) {
    assert.equal(verdict({ host }), 'admitted', host);
  }
  for (const host of [
    'evil.example',
    'evil.example:7780',
    '',
    undefined,
    '127.0.0.1.evil.example',
    '[::1].evil',
    'a b',
  ]) {
    assert.equal(verdict({ host }), '421', String(host));
  }
});

test('what changes something comes from a page of ours', () => {
  const origin = 'http://127.0.0.1:7780';
  assert.equal(verdict({ method: 'POST', origin }), 'admitted');
  assert.equal(verdict({ method: 'POST' }), '403');
  assert.equal(verdict({ method: 'POST', origin: 'http://127.0.0.1:8080' }), '403');
  assert.equal(verdict({ method: 'DELETE', origin: 'http://evil.example' }), '403');
  assert.equal(verdict({ method: 'GET', origin: 'http://evil.example' }), '403');
  assert.equal(verdict({ method: 'GET', origin: 'null' }), '403');
});

test('with a token nothing is told without it, but to probes', () => {
  assert.equal(verdict({}, TOKEN), '401');
  assert.equal(verdict({ authorization: `Bearer ${TOKEN}` }, TOKEN), 'admitted');
  assert.equal(verdict({ authorization: `Bearer ${TOKEN}x` }, TOKEN), '401');
  assert.equal(verdict({ authorization: `Basic ${TOKEN}` }, TOKEN), '401');
  assert.equal(verdict({ cookie: `a=b; ${TOKEN_COOKIE}=${cookieValue(TOKEN)}` }, TOKEN), 'admitted');
  assert.equal(verdict({ cookie: `${TOKEN_COOKIE}=wrong` }, TOKEN), '401');
  assert.equal(verdict({ queryToken: TOKEN }, TOKEN), 'admitted, cookie');
  assert.equal(verdict({ queryToken: '' }, TOKEN), '401');
  for (const path of ['/livez', '/readyz']) {
    assert.equal(verdict({ path }, TOKEN), 'admitted', path);
  }
  assert.equal(verdict({ path: '/metrics' }, TOKEN), '401');
});
