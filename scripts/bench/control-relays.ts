/** Relays with rtpproxy's control protocol: ours, rtpengine and rtpproxy, each as it is started for the comparison. */
import { join } from 'node:path';
import { freePortRange, freeUdpPort } from '../../test/support/ports.ts';
import { Program } from '../../test/support/program.ts';
import { binary } from '../../test/support/project.ts';
import { startRtpengine } from '../../test/support/rtpengine.ts';
import { relayAnswers } from '../../test/support/rtpp.ts';
import { type Scope, temporaryDirectory } from '../../test/support/scope.ts';
import { waitFor } from '../../test/support/wait.ts';
import { isInstalled } from './installed.ts';

export interface RelayUnderTest {
  readonly name: string;
  readonly pid: number;
  readonly udpPort: number;
  /** Where it also listens; rtpengine has no such socket. */
  readonly unixPath: string | undefined;
}

/** Pairs of media ports: many more than the calls that exist at one time. */
const PAIRS = 1000;

export async function startRelays(scope: Scope): Promise<RelayUnderTest[]> {
  const relays = [await startLikeRtpproxy(scope, 'ims-relay', [process.execPath, binary('ims-relay')])];
  if (isInstalled('rtpengine')) {
    const { program, control } = await startRtpengine(scope, PAIRS);
    relays.push({ name: 'rtpengine', pid: program.pid, udpPort: control, unixPath: undefined });
  } else {
    console.error('rtpengine is not installed (apt-get install rtpengine-daemon): its rows are left out');
  }
  if (isInstalled('rtpproxy')) {
    relays.push(await startLikeRtpproxy(scope, 'rtpproxy', ['rtpproxy']));
  } else {
    console.error('rtpproxy is not on PATH: its rows are left out');
  }
  return relays;
}

/** `-b`: ports in order and free again at once, for thousands of calls a second use up any range that waits 10 s. */
async function startLikeRtpproxy(scope: Scope, name: string, command: [string, ...string[]]): Promise<RelayUnderTest> {
  const udpPort = await freeUdpPort();
  const unixPath = join(await temporaryDirectory(scope), 'control');
  const minPort = freePortRange(2 * PAIRS);
  const program = Program.start(scope, {
    name,
    command: [
      ...command,
      ...['-f', '-F', '-b', '-l', '127.0.0.1', '-d', 'WARN'],
      ...['-s', `udp:127.0.0.1:${udpPort}`, '-s', `unix:${unixPath}`],
      ...['-m', `${minPort}`, '-M', `${minPort + 2 * PAIRS - 1}`],
    ],
  });
  await waitFor(name, async () => {
    if (!program.running) {
      throw new Error(`${name} ended:\n${program.output}`);
    }
    return await relayAnswers(udpPort);
  });
  return { name, pid: program.pid, udpPort, unixPath };
}
