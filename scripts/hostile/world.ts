/** The shipped system on a host of its own, two honest hosts with phones (sipp), and one with many addresses that attacks. */
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { answerChallenge } from '../../src/sip/auth/digest-client.ts';
import { parseMessage } from '../../src/sip/message/parse.ts';
import { bindInNamespace } from '../../test/support/namespace-socket.ts';
import { type Host, inside, openNetwork } from '../../test/support/network.ts';
import { Program } from '../../test/support/program.ts';
import { binary, projectRoot } from '../../test/support/project.ts';
import { type Scope, temporaryDirectory } from '../../test/support/scope.ts';
import { within } from '../../test/support/wait.ts';
import type { AttackOrders } from './attacker.ts';

export const CALLER = '1001';
export const CALLEE = '1002';
const PASSWORD = 'not to be guessed';

const SIP_PORT = 5060;
const CALLEE_MEDIA_PORT = 40_000;
const FIRST_MEDIA_PORT = 20_000;
const SOURCES = 64;

/** Hosts of the phones are in 198.51.100/24, the attacker's addresses in 203.0.113/24; there is no way out. */
const ADDRESSES = { server: '198.51.100.1', alice: '198.51.100.10', bob: '198.51.100.20', mallory: '203.0.113.1' };
type HostName = keyof typeof ADDRESSES;

export interface World {
  readonly scope: Scope;
  /** Where the system keeps what is its own. */
  readonly directory: string;
  readonly hosts: Readonly<Record<HostName, Host>>;
  readonly launcher: Program;
}

export async function openWorld(scope: Scope, calls: number): Promise<World> {
  const names = Object.keys(ADDRESSES) as HostName[];
  const hosts = await openNetwork(scope, names, { addresses: ADDRESSES, onLink: '0.0.0.0/0' });
  for (const source of sources()) {
    if (source !== hosts.mallory.address) {
      inside(hosts.mallory.namespace, 'ip', 'address', 'add', `${source}/32`, 'dev', 'eth0');
    }
  }
  const directory = await temporaryDirectory(scope);
  const config = {
    SERVER_ADDR: hosts.server.address,
    SERVER_PORT: SIP_PORT,
    LOG_LEVEL: 'WARNING',
    USERS: { [CALLER]: PASSWORD, [CALLEE]: PASSWORD },
    dataDir: join(directory, 'data'),
    relay: { minPort: FIRST_MEDIA_PORT, maxPort: FIRST_MEDIA_PORT + 8 * calls + 399 },
  };
  const path = join(directory, 'config.json');
  await writeFile(path, JSON.stringify(config));
  await mkdir(join(directory, 'data'));
  const launcher = Program.start(scope, {
    name: 'ims-launch',
    command: [process.execPath, binary('ims-launch'), '--config', path],
    cwd: directory,
    env: { XDG_RUNTIME_DIR: directory },
    namespace: hosts.server.namespace,
  });
  await launcher.waitForLine(/^ims-launch \S+ is ready$/, 60_000);
  return { scope, directory, hosts, launcher };
}

function sources(): string[] {
  return Array.from({ length: SOURCES }, (_, index) => `203.0.113.${index + 1}`);
}

/** The callee's phone registers, and answers from then on; what it hears it says. */
export async function openCallee({ scope, directory, hosts }: World): Promise<void> {
  const at = ['-p', `${SIP_PORT}`];
  // Registered for as long as the longest attack that anybody asks for.
  const scenario = await scenarioOf(directory, 'register', (text) =>
    text.replaceAll('@CONTACT@', '').replaceAll('Expires: 300', 'Expires: 3600'),
  );
  const register = sipp(scope, hosts.bob, 'register', scenario, CALLEE, [hosts.server.address, ...at, '-m', '1']);
  const { code } = await register.waitForExit(30_000);
  if (code !== 0) {
    throw new Error(`the callee cannot register:\n${register.output}`);
  }
  const callee = await scenarioOf(directory, 'callee', (text) =>
    text.replaceAll('@MEDIA_ADDRESS@', hosts.bob.address).replaceAll('@MEDIA_PORT@', `${CALLEE_MEDIA_PORT}`),
  );
  sipp(scope, hosts.bob, 'callee', callee, CALLEE, [...at, '-rtp_echo', '-mp', `${CALLEE_MEDIA_PORT}`]);
}

export interface CallLoad {
  readonly name: string;
  readonly calls: number;
  /** Begun in a second. */
  readonly rate: number;
  readonly talkMs: number;
  readonly sipPort: number;
}

/** Calls with audio, each of which lasts so long and ends with the caller's BYE. */
export async function startCalls(world: World, { name, calls, rate, talkMs, sipPort }: CallLoad): Promise<Program> {
  const { scope, directory, hosts } = world;
  const audio = join(directory, 'audio.ulaw');
  await writeFile(audio, Buffer.alloc(8000, 0x55));
  const talk = `<nop><action><exec rtp_stream="${audio},-1,0"/></action></nop><pause milliseconds="${talkMs}"/>`;
  const scenario = await scenarioOf(
    directory,
    'caller',
    (text) =>
      text
        .replace('<recv request="INFO"/>', talk)
        .replaceAll('@CALLER@', CALLER)
        .replaceAll('@MEDIA_ADDRESS@', '[local_ip]')
        .replaceAll('@MEDIA_PORT@', '[rtpstream_audio_port]'),
    name,
  );
  const counts = ['-m', `${calls}`, '-l', `${calls}`, '-r', `${rate}`];
  const to = [hosts.server.address, '-p', `${sipPort}`];
  return sipp(scope, hosts.alice, name, scenario, CALLER, [...to, ...counts], CALLEE);
}

/** The beginning of what that sipp did not expect. */
export async function sippErrors({ directory }: World, name: string): Promise<string> {
  const text = await readFile(join(directory, `${name}.xml.errors`), 'utf8').catch(() => 'it has written no file');
  return text.slice(0, 4000);
}

/** What the attacker knows of calls of that sipp: it names them by its process id. */
export function overheardFrom(
  world: World,
  calls: Program,
  count: number,
): Pick<AttackOrders, 'calls' | 'callId' | 'fromTag'> {
  return { calls: count, callId: `#-${calls.pid}@${world.hosts.alice.address}`, fromTag: `${calls.pid}c#` };
}

export function startAttacker(
  { scope, hosts }: World,
  orders: Pick<AttackOrders, 'calls' | 'callId' | 'fromTag' | 'overheard' | 'packetsPerSecond' | 'seed'>,
): Program {
  const { address } = hosts.server;
  const all = { ...orders, sources: sources(), address, port: SIP_PORT, caller: CALLER, callee: CALLEE };
  return Program.start(scope, {
    name: 'attacker',
    command: [process.execPath, join(projectRoot, 'build', 'scripts', 'hostile', 'attacker.js'), JSON.stringify(all)],
    namespace: hosts.mallory.namespace,
  });
}

/** A REGISTER of the caller's as it went over the wire, with the digest that was accepted, and what was answered. */
export async function registerCaller(
  world: World,
  contact: string | undefined,
): Promise<{ sent: string; answer: string }> {
  const { scope, hosts } = world;
  const { address } = hosts.server;
  const socket = bindInNamespace(scope, hosts.alice, 0);
  const { port } = socket.address();
  const uri = `sip:${address}`;
  const callId = `register-${port}@${hosts.alice.address}`;
  const ask = async (cseq: number, ...more: string[]): Promise<{ sent: string; answer: Buffer }> => {
    const lines = [
      `REGISTER ${uri} SIP/2.0`,
      `Via: SIP/2.0/UDP ${hosts.alice.address}:${port};branch=z9hG4bK${callId}${cseq};rport`,
      'Max-Forwards: 70',
      `From: <sip:${CALLER}@${address}>;tag=r${port}`,
      `To: <sip:${CALLER}@${address}>`,
      `Call-ID: ${callId}`,
      `CSeq: ${cseq} REGISTER`,
      ...(contact === undefined ? [] : [`Contact: <sip:${CALLER}@${contact}>`]),
      ...more,
      'Content-Length: 0',
    ];
    const sent = `${lines.join('\r\n')}\r\n\r\n`;
    const answered = once(socket, 'message') as Promise<[Buffer]>;
    socket.send(sent, SIP_PORT, address);
    const [answer] = await within('an answer to REGISTER', 10_000, answered);
    return { sent, answer };
  };
  const challenge = parseMessage((await ask(1)).answer);
  if (!challenge.ok || challenge.value.kind !== 'response') {
    throw new Error('the REGISTER was not challenged');
  }
  const cnonce = `${port}`;
  const field = answerChallenge(
    challenge.value,
    { method: 'REGISTER', uri },
    { username: CALLER, password: PASSWORD, cnonce },
  );
  if (field === undefined) {
    throw new Error(`no challenge that can be answered: ${challenge.value.status}`);
  }
  const { sent, answer } = await ask(2, `${field[0]}: ${field[1]}`);
  return { sent, answer: answer.toString() };
}

async function scenarioOf(
  directory: string,
  source: 'register' | 'callee' | 'caller',
  fill: (text: string) => string,
  name: string = source,
): Promise<string> {
  const path = join(directory, `${name}.xml`);
  await writeFile(path, fill(await readFile(join(projectRoot, 'test', 'peers', 'sipp', `${source}.xml`), 'utf8')));
  return path;
}

function sipp(
  scope: Scope,
  host: Host,
  name: string,
  scenario: string,
  user: string,
  args: readonly string[],
  service = user,
): Program {
  const identity = ['-s', service, '-au', user, '-ap', PASSWORD, '-i', host.address, '-mi', host.address];
  return Program.start(scope, {
    name: `sipp-${name}`,
    command: [
      'sipp',
      ...args,
      '-sf',
      scenario,
      ...identity,
      '-trace_err',
      '-error_file',
      `${scenario}.errors`,
      '-nostdin',
    ],
    namespace: host.namespace,
  });
}
