import type { StreamClientEffect } from '../../../src/rtpp-client/stream-effects.ts';

/** `connect 1 V⏎`, `settled 1 20040107`, `settled 1 timeout`…: effects as one reads them. */
export function told(effects: readonly StreamClientEffect[]): string[] {
  return effects.map(textOf);
}

function textOf(effect: StreamClientEffect): string {
  switch (effect.kind) {
    case 'connect':
    case 'write':
      return `${effect.kind} ${effect.connection} ${Buffer.from(effect.bytes).toString().replaceAll('\n', '⏎')}`;
    case 'disconnect':
      return `disconnect ${effect.connection}`;
    case 'settled': {
      const { outcome } = effect;
      const reply = outcome.kind === 'reply' ? outcome.reply : undefined;
      const text = reply?.kind === 'number' ? reply.value : reply?.kind === 'error' ? `E${reply.code}` : reply?.text;
      return `settled ${effect.id} ${text ?? outcome.kind}`;
    }
    case 'stray':
      return `stray ${effect.text}`;
  }
}
