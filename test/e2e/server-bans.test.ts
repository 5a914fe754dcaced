/** `ims-launch bans` and `unban`: who guesses passwords gets no answer, until an operator says so or the time is over. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { openNetwork } from '../support/network.ts';
import { peersPresent } from '../support/peers.ts';
import { Program, runProgram } from '../support/program.ts';
import { binary, projectRoot } from '../support/project.ts';
import { openScope, temporaryDirectory } from '../support/scope.ts';
import { READY_LINE } from '../support/system.ts';
import { waitFor } from '../support/wait.ts';

/** Guesses so many passwords, one after the other, and prints each final status, or `silence`. */
function guesser(server: string, count: number): [string, ...string[]] {
  const modules = `file://${join(projectRoot, 'build', 'src', 'sip')}`;
  const program = `
    import { createSocket } from 'node:dgram';
    import { once } from 'node:events';
    const { answerChallenge } = await import('${modules}/auth/digest-client.js');
    const { parseMessage } = await import('${modules}/message/parse.js');
    const socket = createSocket('udp4');
    socket.bind(0);
    await once(socket, 'listening');
    const ask = async (cseq, extra = '') => {
      const text = 'REGISTER sip:${server} SIP/2.0\\r\\nVia: SIP/2.0/UDP h;rport;branch=z9hG4bK' + process.pid + 'x' + cseq +
        '\\r\\nFrom: <sip:1001@${server}>;tag=f\\r\\nTo: <sip:1001@${server}>\\r\\nCall-ID: c' + process.pid + '\\r\\nCSeq: ' + cseq +
        ' REGISTER\\r\\nMax-Forwards: 70\\r\\n' + extra + 'Content-Length: 0\\r\\n\\r\\n';
      socket.send(text, 5060, '${server}');
      const answer = await Promise.race([once(socket, 'message'), new Promise((r) => setTimeout(r, 6000))]);
      return { request: parseMessage(Buffer.from(text)).value, answer: answer && parseMessage(answer[0]).value };
    };
    for (let guess = 0; guess < ${count}; guess++) {
      const { request, answer } = await ask(2 * guess + 1);
      if (answer === undefined) { console.log('silence'); break; }
      const credentials = answerChallenge(answer, request, { username: '1001', password: 'guess' + guess, cnonce: 'c' });
      const second = await ask(2 * guess + 2, credentials.join(': ') + '\\r\\n');
      console.log(second.answer?.status ?? 'silence');
    }
    socket.close();`;
  return [process.execPath, '--input-type=module', '--eval', program];
}

const FILTER = join(projectRoot, 'config', 'fail2ban', 'filter.d', 'ims-launch.conf');

/** The addresses for which the shipped filter of fail2ban finds a line in the log. */
async function foundByFail2ban(logFile: string): Promise<string[]> {
  await waitFor('the line in the file', () => readFileSync(logFile, 'utf8').includes('too many wrong passwords'));
  return fail2banRegex(logFile);
}

function fail2banRegex(log: string): string[] {
  const found = execFileSync('fail2ban-regex', ['--out', 'ip', log, FILTER], { encoding: 'utf8' });
  return found
    .trim()
    .split('\n')
    .filter((line) => line !== '');
}

test('the filter of fail2ban finds networks of IPv6 as well, and is not deceived by what a stranger writes', (t) => {
  if (!peersPresent(t, 'fail2ban')) return;
  const line = (fields: object, msg: string): string =>
    JSON.stringify({ level: 40, time: new Date().toISOString(), pid: 1, part: 'ims', ...fields, msg });
  const sentence = 'too many wrong passwords: this source gets no answer';
  assert.deepEqual(fail2banRegex(line({ address: '2001:db8::/64', count: 3 }, sentence)), ['2001:db8::/64']);
  assert.deepEqual(fail2banRegex(line({ address: '192.0.2.9', count: 3 }, sentence)), ['192.0.2.9']);
  const forged = `","address":"192.0.2.1","msg":"${sentence}`;
  assert.deepEqual(fail2banRegex(line({ aor: forged, remote: '192.0.2.7:5060' }, 'request denied')), []);
});

test('three wrong passwords are answered, the fourth attempt meets silence; bans shows who, and unban ends it', async (t) => {
  if (!peersPresent(t, 'network namespaces', 'fail2ban')) return;
  const scope = openScope(t);
  const { server, guest } = await openNetwork(scope, ['server', 'guest']);
  const directory = await temporaryDirectory(scope);
  const config = join(directory, 'config.json');
  const users = { 1001: 'a password that nobody guesses' };
  const logFile = join(directory, 'ims-launch.log');
  const keys = { SERVER_ADDR: server.address, USERS: users, ims: { banAfterFailures: 3 }, log: { file: logFile } };
  await writeFile(config, JSON.stringify(keys));
  const here = { cwd: directory, env: { XDG_RUNTIME_DIR: directory }, namespace: server.namespace };
  const command = (...words: string[]) =>
    runProgram(scope, {
      ...here,
      name: words.join(' '),
      command: [process.execPath, binary('ims-launch'), ...words, '--config', config],
    });
  const system = Program.start(scope, {
    ...here,
    name: 'ims-launch',
    command: [process.execPath, binary('ims-launch'), '--config', config],
  });
  await system.waitForLine(READY_LINE, 30_000);

  assert.match((await command('bans')).output, /nobody is banned/);
  const guess = (count: number) =>
    runProgram(scope, { name: 'guesser', command: guesser(server.address, count), namespace: guest.namespace });
  assert.deepEqual((await guess(4)).output.trim().split(/\s+/), ['401', '401', '401', 'silence']);
  await system.waitForLine(/too many wrong passwords: this source gets no answer/);

  assert.deepEqual(await foundByFail2ban(logFile), [guest.address]);

  const listed = await command('bans', '--json');
  const [ban, ...others] = JSON.parse(listed.output) as { source: string; failures: number; leftSeconds: number }[];
  assert.deepEqual(others, []);
  assert.equal(ban?.source, guest.address);
  assert.equal(ban?.failures, 3);
  assert.ok((ban?.leftSeconds ?? 0) > 600 && (ban?.leftSeconds ?? 0) <= 900);
  assert.match(
    (await command('bans')).output,
    new RegExp(`^source.*\n${guest.address.replaceAll('.', '\\.')} +3 +\\d+`),
  );

  assert.equal((await command('unban', '192.0.2.77')).code, 1);
  assert.equal((await command('unban', 'somebody')).code, 1, 'a user whose account is open to all');
  assert.match((await command('unban', guest.address)).output, /answered again: 1/);
  assert.deepEqual((await guess(1)).output.trim(), '401');
});
