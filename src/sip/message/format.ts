import type { SipMessage } from './message.ts';

const encoder = new TextEncoder();

/**
 * A message as bytes: names as they were spelled, one line a field. Content-Length always tells the body's true size:
 * in its place if the message has one, otherwise last.
 */
export function formatMessage(message: SipMessage): Uint8Array {
  let text =
    message.kind === 'request'
      ? `${message.method} ${message.uri} SIP/2.0\r\n`
      : `SIP/2.0 ${message.status} ${message.reason}\r\n`;
  let lengthWritten = false;
  for (const [name, value] of message.headers) {
    if (isContentLength(name)) {
      if (!lengthWritten) {
        text += `${name}: ${message.body.length}\r\n`;
        lengthWritten = true;
      }
    } else {
      text += `${name}: ${value}\r\n`;
    }
  }
  text += lengthWritten ? '\r\n' : `Content-Length: ${message.body.length}\r\n\r\n`;
  const head = encoder.encode(text);
  if (message.body.length === 0) {
    return head;
  }
  const bytes = new Uint8Array(head.length + message.body.length);
  bytes.set(head);
  bytes.set(message.body, head.length);
  return bytes;
}

function isContentLength(name: string): boolean {
  return (
    name === 'Content-Length' ||
    name === 'l' ||
    (name.length === 14 && name.toLowerCase() === 'content-length') ||
    name === 'L'
  );
}
