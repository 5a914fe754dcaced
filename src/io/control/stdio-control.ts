import type { Writable } from 'node:stream';
import type { ControlPeer } from '../relay-driver.ts';
import type { ControlHandler, ControlSocket } from './control-socket.ts';
import { LineReader } from './line-reader.ts';

/** More replies that nobody reads wait no longer than until here: then no command is read, either. */
const MAX_UNREAD_BYTES = 64 * 1024;

/** Commands on standard input, replies on standard output: what rtpproxy's own tests use. */
export function openStdioControl(
  input: NodeJS.ReadStream | NodeJS.ReadableStream,
  output: Writable,
  handler: ControlHandler,
): ControlSocket {
  const reader = new LineReader();
  const peer: ControlPeer = {
    kind: 'stream',
    host: '',
    source: 'stdio',
    reply(text) {
      output.write(text, 'latin1');
      if (output.writableLength > MAX_UNREAD_BYTES) {
        input.pause();
      }
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
    output.off('drain', onDrain);
    input.pause();
  };
  const finish = (): void => {
    if (open) {
      stop();
      handler.ended();
    }
  };
  const onDrain = (): void => {
    if (open) {
      input.resume();
    }
  };
  output.on('drain', onDrain);
  input.on('data', onData);
  input.once('end', finish);
  input.once('error', finish);
  output.on('error', finish);
  return {
    name: 'stdio:',
    address: undefined,
    port: undefined,
    path: undefined,
    async close() {
      if (open) {
        stop();
      }
    },
  };
}
