/** rtpengine with its rtpproxy-compatible control socket, without its kernel module. */
import { freePortRange, freeUdpPort } from './ports.ts';
import { Program } from './program.ts';
import { relayAnswers } from './rtpp.ts';
import type { Scope } from './scope.ts';
import { waitFor } from './wait.ts';

export interface Rtpengine {
  readonly program: Program;
  readonly control: number;
}

/** @param pairs of ports in its range; it takes them for both sides of a call at the offer */
export async function startRtpengine(scope: Scope, pairs = 100, ...more: string[]): Promise<Rtpengine> {
  const control = await freeUdpPort();
  const minPort = freePortRange(pairs * 2);
  const program = Program.start(scope, {
    name: 'rtpengine',
    command: [
      'rtpengine',
      ...['--config-file=none', '--table=-1', '--foreground', '--log-stderr', '--log-level=4'],
      ...['--interface=127.0.0.1', `--listen-udp=127.0.0.1:${control}`],
      ...[`--port-min=${minPort}`, `--port-max=${minPort + pairs * 2 - 1}`],
      // A deleted call is gone at once, as rtpproxy's is; its own default keeps it for 30 s.
      '--delete-delay=0',
      ...more,
    ],
  });
  // Version 10.5 keeps a call locked after a Q, and then does not end on SIGTERM.
  scope.defer(async () => {
    program.signalGroup('SIGKILL');
    await program.waitForExit();
  });
  await waitFor('rtpengine', async () => {
    if (!program.running) {
      throw new Error(`rtpengine ended:\n${program.output}`);
    }
    return await relayAnswers(control);
  });
  return { program, control };
}
