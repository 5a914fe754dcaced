import { logFormatOf } from '../observe/logger.ts';

/** The last word of `ims-launch start`: for people, or where the log is JSON a line of it. */
export function complain(message: string, remedy: string): void {
  const format = logFormatOf(process.env);
  const isText = format === 'pretty' || (format === 'auto' && process.stderr.isTTY === true);
  process.stderr.write(isText ? formatText(message, remedy) : formatJson(message, remedy));
}

/** As every other command says it. */
export function formatText(message: string, remedy: string): string {
  return `ims-launch: ${message}\n${remedy}\n`;
}

function formatJson(message: string, remedy: string): string {
  const time = new Date().toISOString();
  return `${JSON.stringify({ level: 50, time, pid: process.pid, part: 'launch', remedy, msg: `ims-launch: ${message}` })}\n`;
}
