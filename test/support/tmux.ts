/** A terminal of a test's own that shows what a person would see: tmux(1), with a server that nobody else uses. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { type Scope, temporaryDirectory } from './scope.ts';
import { waitFor } from './wait.ts';

export interface TmuxScreen {
  /** What the screen shows now, a line each; blanks at the ends of lines are gone. */
  text(): string;
  /** The first screen, now or to come, that matches. */
  waitFor(pattern: RegExp): Promise<string>;
  /** Presses a key, by tmux's name for it. */
  press(key: string): void;
  /** Types a command and Enter. */
  run(command: string): void;
  resize(columns: number, rows: number): void;
  /** Of the terminal: whether it shows another screen than the normal one, and a cursor. */
  state(): { readonly alternate: boolean; readonly cursor: boolean };
}

/** A shell in 100 columns and 30 rows; what is typed is run by it. */
export async function openTmux(scope: Scope, env: Readonly<Record<string, string>>): Promise<TmuxScreen> {
  const socket = join(await temporaryDirectory(scope), 'tmux');
  const tmux = (...words: string[]): string =>
    execFileSync('tmux', ['-S', socket, '-f', '/dev/null', ...words], { encoding: 'utf8', timeout: 30_000 });
  const variables = Object.entries(env).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
  tmux('new-session', '-d', '-x', '100', '-y', '30', ...variables, 'sh');
  scope.defer(() => {
    tmux('kill-server');
  });
  const text = (): string => tmux('capture-pane', '-p');
  return {
    text,
    async waitFor(pattern) {
      try {
        return await waitFor(`a screen like ${pattern}`, () => {
          const seen = text();
          return pattern.test(seen) && seen;
        });
      } catch (error) {
        throw new Error(`${(error as Error).message}; the last one was\n${text()}`);
      }
    },
    press: (key) => void tmux('send-keys', key),
    run: (command) => {
      tmux('send-keys', '-l', command);
      tmux('send-keys', 'Enter');
    },
    resize: (columns, rows) => void tmux('resize-window', '-x', `${columns}`, '-y', `${rows}`),
    state: () => {
      const [alternate, cursor] = tmux('display-message', '-p', '#{alternate_on} #{cursor_flag}').trim().split(' ');
      return { alternate: alternate === '1', cursor: cursor === '1' };
    },
  };
}
