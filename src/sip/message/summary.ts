/** A message in a few words, for ladders: what it is, and where its writer wants media. */

/** `INVITE` of a request, `180 Ringing` of a response. */
export function labelOf(text: string): string {
  const first = /^[^\r\n]*/.exec(text)?.[0] ?? '';
  const response = /^SIP\/2\.0 (\d{3} ?.*)$/.exec(first);
  return response?.[1] ?? first.split(' ')[0] ?? '';
}

/** Where the writer wants its streams, `-` for one that is off. */
export function mediaOf(text: string): string {
  const body = /\r?\n\r?\n(v=0[\s\S]*)$/.exec(text)?.[1];
  if (body === undefined) {
    return '';
  }
  const [session = '', ...streams] = body.split(/^(?=m=)/m);
  const address = addressOf(session);
  const direction = directionOf(session) ?? 'sendrecv';
  const told = streams.map((stream) => {
    const [, media = '', port = ''] = /^m=(\S+) (\d+)/.exec(stream) ?? [];
    const where = port === '0' ? '-' : `${addressOf(stream) ?? address ?? ''}:${port}`;
    const way = directionOf(stream) ?? direction;
    return `${media} ${where}${way === 'sendrecv' ? '' : ` ${way}`}`;
  });
  return told.join(', ');
}

function addressOf(part: string): string | undefined {
  return /^c=IN IP[46] ([^\s/]+)/m.exec(part)?.[1];
}

function directionOf(part: string): string | undefined {
  return /^a=(sendrecv|sendonly|recvonly|inactive)\s*$/m.exec(part)?.[1];
}
