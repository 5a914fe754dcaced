/** Fields that stand elsewhere in a line for people, or say nothing to them. */
const LEFT_OUT = new Set(['level', 'time', 'pid', 'hostname', 'part', 'msg']);

const WORDS: Readonly<Record<number, string>> = { 40: 'WARN ', 50: 'ERROR ', 60: 'FATAL ' };

/** A line that one of our programs printed as JSON, for people: the sentence, then its fields. Others are as they are. */
export function readableLine(line: string): string {
  const object = parseOwn(line);
  if (object === undefined) {
    return line;
  }
  const fields = Object.entries(object).filter(([name]) => !LEFT_OUT.has(name));
  const rest = fields.length === 0 ? '' : ` ${JSON.stringify(Object.fromEntries(fields))}`;
  return `${WORDS[Number(object['level'])] ?? ''}${String(object['msg'])}${rest}`;
}

function parseOwn(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) {
    return undefined;
  }
  try {
    const value = JSON.parse(line) as Record<string, unknown>;
    return typeof value['part'] === 'string' && typeof value['msg'] === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}
