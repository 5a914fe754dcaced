/** Reads sipp's message log (-trace_msg): what one sipp sent and received, in order. */

export interface LoggedMessage {
  readonly direction: 'sent' | 'received';
  /** Request or status line. */
  readonly startLine: string;
  readonly text: string;
}

export interface MediaLine {
  readonly media: string;
  /** Where the sender of this SDP wants RTP. */
  readonly address: string;
  readonly port: number;
  readonly direction: 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';
}

/** Each entry: a line of dashes and the time, `UDP message sent (n bytes):` or `… received [n] bytes :`, the message. */
export function parseSippLog(log: string): LoggedMessage[] {
  return log.split(/^-{20,}.*$/m).flatMap((entry) => {
    const match = /^\s*\S+ message (sent|received)[^\n]*\n\s*(.*)$/s.exec(entry);
    const text = match?.[2]?.replaceAll('\r\n', '\n').trim() ?? '';
    return match === null || text === ''
      ? []
      : [{ direction: match[1] as LoggedMessage['direction'], startLine: text.split('\n', 1)[0] ?? '', text }];
  });
}

/** A header's value; the first one if there are several. */
export function headerOf(message: LoggedMessage, name: string): string | undefined {
  const [head = ''] = message.text.split('\n\n', 1);
  return new RegExp(`^${name}\\s*:\\s*(.*)$`, 'im').exec(head)?.[1];
}

/** Media lines of the SDP in a message; none when it has no body. */
export function mediaOf(message: LoggedMessage): MediaLine[] {
  const body = message.text.slice(message.text.indexOf('\n\n') + 2).split('\n');
  const firstMedia = body.findIndex((line) => line.startsWith('m='));
  if (firstMedia < 0 || !message.text.includes('\n\n')) {
    return [];
  }
  const session = body.slice(0, firstMedia);
  const sections: string[][] = [];
  for (const line of body.slice(firstMedia)) {
    if (line.startsWith('m=')) {
      sections.push([]);
    }
    sections.at(-1)?.push(line);
  }
  return sections.map((section) => {
    const [, media = '', port = '0'] = /^m=(\S+) (\d+)/.exec(section[0] ?? '') ?? [];
    const find = (pattern: RegExp): string | undefined =>
      [...section, ...session].map((line) => pattern.exec(line)?.[1]).find((value) => value !== undefined);
    return {
      media,
      address: find(/^c=IN IP[46] (\S+)/) ?? '',
      port: Number(port),
      direction: (find(/^a=(sendrecv|sendonly|recvonly|inactive)\s*$/) ?? 'sendrecv') as MediaLine['direction'],
    };
  });
}
