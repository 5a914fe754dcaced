/** A reverse proxy in front of the WebSocket port: who guesses passwords is banned, not the proxy and all behind it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { answerChallenge } from '../../src/sip/auth/digest-client.ts';
import type { SipRequest, SipResponse } from '../../src/sip/message/message.ts';
import { parseMessage } from '../../src/sip/message/parse.ts';
import { runProgram } from '../support/program.ts';
import { binary } from '../support/project.ts';
import { openScope, type Scope } from '../support/scope.ts';
import { startSystem } from '../support/system.ts';

const USERS = { alice: 'a password that nobody guesses' };

/** As the proxy opens it for a browser at that address. */
async function openBehindProxy(scope: Scope, port: number, client: string): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}`, 'sip', { headers: { 'X-Forwarded-For': client } });
  scope.defer(() => socket.terminate());
  await once(socket, 'open');
  return socket;
}

let requests = 0;

async function register(socket: WebSocket, extra = ''): Promise<{ request: SipRequest; answer: SipResponse }> {
  const text = [
    'REGISTER sip:127.0.0.1 SIP/2.0',
    `Via: SIP/2.0/WS browser.invalid;branch=z9hG4bK${++requests};rport`,
    'Max-Forwards: 70',
    'From: <sip:alice@127.0.0.1>;tag=a',
    'To: <sip:alice@127.0.0.1>',
    'Call-ID: behind-a-proxy',
    `CSeq: ${requests} REGISTER`,
    'Contact: <sip:alice@browser.invalid;transport=ws>',
    `${extra}Content-Length: 0`,
    '\r\n',
  ].join('\r\n');
  const [request, answering] = [parseMessage(Buffer.from(text)), once(socket, 'message')];
  socket.send(text);
  const answer = parseMessage((await answering)[0] as Buffer);
  assert.ok(request.ok && request.value.kind === 'request' && answer.ok && answer.value.kind === 'response');
  return { request: request.value, answer: answer.value };
}

async function logIn(socket: WebSocket, password: string): Promise<number> {
  const { request, answer } = await register(socket);
  const credentials = answerChallenge(answer, request, { username: 'alice', password, cnonce: 'c' });
  assert.ok(credentials, `${answer.status} is a challenge`);
  return (await register(socket, `${credentials.join(': ')}\r\n`)).answer.status;
}

test('behind ims.wsTrustedProxies the ban is for the address in X-Forwarded-For; others go on', async (t) => {
  const scope = openScope(t);
  let wsPort = 0;
  const system = await startSystem(scope, {
    config: async ({ minPort }) => {
      // Media has that number for UDP.
      wsPort = minPort;
      return { USERS, ims: { wsPort, wsTrustedProxies: ['127.0.0.1'], banAfterFailures: 2 } };
    },
  });
  const guesser = await openBehindProxy(scope, wsPort, '192.0.2.66, 203.0.113.9');
  for (const guess of ['1234', 'password']) {
    assert.equal(await logIn(guesser, guess), 401);
  }
  const bans = await runProgram(scope, {
    name: 'bans',
    command: [process.execPath, binary('ims-launch'), 'bans', '--json', '--config', `${system.directory}/config.json`],
    cwd: system.directory,
    env: { XDG_RUNTIME_DIR: system.directory },
  });
  assert.deepEqual(
    (JSON.parse(bans.output) as { source: string }[]).map(({ source }) => source),
    ['203.0.113.9'],
  );
  const neighbour = await openBehindProxy(scope, wsPort, '203.0.113.10');
  assert.equal(await logIn(neighbour, USERS.alice), 200);
  await system.stop();
});
