/** `ims-launch top`, as a person at a terminal sees it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { peersPresent } from '../support/peers.ts';
import { runProgram } from '../support/program.ts';
import { binary } from '../support/project.ts';
import { RtpParty } from '../support/rtp-party.ts';
import { askRelay } from '../support/rtpp.ts';
import { openScope, type Scope } from '../support/scope.ts';
import { type System, startSystem } from '../support/system.ts';
import { openTmux, type TmuxScreen } from '../support/tmux.ts';
import { waitFor } from '../support/wait.ts';

function commandLine({ directory }: System): string {
  return `${process.execPath} ${binary('ims-launch')} top --config ${join(directory, 'config.json')}`;
}

async function startTop(scope: Scope, system: System, env: Record<string, string> = {}): Promise<TmuxScreen> {
  const screen = await openTmux(scope, { XDG_RUNTIME_DIR: system.directory, ...env });
  await screen.waitFor(/^[#$]/m);
  // The number of the process, and how the terminal was before and after.
  const script = `stty -g > before
sh -c 'echo $$ > top.pid; exec ${commandLine(system)}'
echo "ended $?"
stty -g > after
echo all done
`;
  await writeFile(join(system.directory, 'run-top'), script);
  screen.run(`cd ${system.directory} && sh ./run-top`);
  await screen.waitFor(/^ims-launch \S+ {2}ready /m);
  return screen;
}

/** The shell is back, on its own screen, with its cursor and its settings. */
async function expectClean(screen: TmuxScreen, { directory }: System, ended: RegExp): Promise<void> {
  await screen.waitFor(/^all done$/m);
  assert.match(screen.text(), ended);
  assert.deepEqual(screen.state(), { alternate: false, cursor: true });
  assert.equal(readFileSync(join(directory, 'after'), 'utf8'), readFileSync(join(directory, 'before'), 'utf8'));
}

test('processes, calls and events; a call appears, a new size is taken, q leaves the terminal as it was', async (t) => {
  if (!peersPresent(t, 'tmux')) {
    return;
  }
  const scope = openScope(t);
  const system = await startSystem(scope);
  const screen = await startTop(scope, system);
  assert.deepEqual(screen.state(), { alternate: true, cursor: false });
  assert.match(screen.text(), /^relay +ready +pid \d+ /m);
  await screen.waitFor(/^no calls$/m);
  const party = await RtpParty.open(scope, 'caller');
  await askRelay(system.relayPort, `U one-way\u001b[31m 127.0.0.1 ${party.port} from`);
  const [port] = (await askRelay(system.relayPort, `L one-way\u001b[31m 127.0.0.1 9 from to`)).split(' ');
  let over = false;
  const talking = (async () => {
    while (!over) {
      await party.talk({ address: '127.0.0.1', port: Number(port) });
    }
  })();
  scope.defer(async () => {
    over = true;
    await talking;
  });
  await screen.waitFor(/^one-way.\[31m +\d.* caller PCMU .* flows$/m);
  await screen.waitFor(/^ +callee .* never-arrived\n {2}! callee's RTP never arrived at 127/m);
  await screen.waitFor(/calls 1, 1 not heard +[1-9]\d* packets\/s +plane \w+/);
  await screen.waitFor(/media\.never-arrived/);

  // A line that fills the usual width keeps its last character.
  screen.resize(80, 24);
  await screen.waitFor(/^.{67}never-arrived$/m);
  screen.resize(50, 10);
  const small = await waitFor('a smaller screen', () => {
    const lines = screen.text().trimEnd().split('\n');
    return lines.at(-1)?.startsWith('q quits') && lines.length === 10 && lines;
  });
  assert.ok(small.every((line) => [...line].length <= 50));
  screen.resize(100, 30);
  await screen.waitFor(/never arrived.*\nq quits/s);

  screen.press('q');
  await expectClean(screen, system, /^ended 0$/m);
});

test('a signal, and the end of the launcher, leave the terminal as it was, too; without colours it works', async (t) => {
  if (!peersPresent(t, 'tmux')) {
    return;
  }
  const scope = openScope(t);
  const system = await startSystem(scope);
  const screen = await startTop(scope, system, { NO_COLOR: '1' });
  process.kill(Number(readFileSync(join(system.directory, 'top.pid'), 'utf8')), 'SIGTERM');
  await expectClean(screen, system, /^ended 143$/m);

  const other = await startTop(scope, system);
  system.launcher.signal('SIGTERM');
  await expectClean(other, system, /no ims-launch runs with/);
});

test('where there is no terminal, top says what does without', async (t) => {
  const scope = openScope(t);
  const { code, output } = await runProgram(scope, { command: [process.execPath, binary('ims-launch'), 'top'] });
  assert.notEqual(code, 0);
  assert.match(output, /top needs a terminal; "ims-launch calls --watch" does not/);
});
