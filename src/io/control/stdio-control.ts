import type { ControlPeer } from '../relay-driver.ts';
import type { ControlHandler, ControlSocket } from './control-socket.ts';
import { LineReader } from './line-reader.ts';

/** Commands on standard input, replies on standard output: what rtpproxy's own tests use. */
export function openStdioControl(
  input: NodeJS.ReadStream | NodeJS.ReadableStream,
  output: NodeJS.WritableStream,
  handler: ControlHandler,
): ControlSocket {
  const reader = new LineReader();
  const peer: ControlPeer = {
    kind: 'stream',
    host: '',
    source: 'stdio',
    reply(text) {
      output.write(text, 'latin1');
    },
  };
  const onData = (chunk: Buffer): void => {
    const lines = reader.push(chunk);
    if (lines === undefined) {
      finish();
      return;
    }
    for (const line of lines) {
      handler.command(peer, line);
    }
  };
  let open = true;
  const stop = (): void => {
    open = false;
    input.off('data', onData);
    input.pause();
  };
  const finish = (): void => {
    if (open) {
      stop();
      handler.ended();
    }
  };
  input.on('data', onData);
  input.once('end', finish);
  input.once('error', finish);
  output.on('error', finish);
  return {
    name: 'stdio:',
    port: undefined,
    path: undefined,
    async close() {
      if (open) {
        stop();
      }
    },
  };
}
