/** `ims-launch top`: processes, calls, their media and events, live. */
import { Command } from 'commander';
import pc from 'picocolors';
import type { CallsAnswer } from '../../app/launch/calls.ts';
import { readStatus } from '../../control/status.ts';
import { ImsError } from '../../errors.ts';
import type { ControlClient } from '../../io/control-client.ts';
import { notRunning, requireLauncher } from '../launcher-client.ts';
import { type Line, lastScroll, type Tone, type TopEvent, type TopView, topFrame } from './frame.ts';
import { FullScreen, type Key } from './full-screen.ts';

const INTERVAL_MS = 1000;

/** A launcher that lives answers at once; milliseconds. */
const ANSWER_LIMIT_MS = 5000;

const EVENTS_KEPT = 50;

const ENDING_SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

export function topCommand(): Command {
  return new Command('top')
    .description('processes, calls, who is heard how well, and events, live; q quits')
    .option('-c, --config <path>', 'configuration file of the launcher (default: config/config.json)')
    .action(top);
}

async function top({ config }: { readonly config?: string }): Promise<void> {
  const { stdin, stdout } = process;
  if (stdout.isTTY !== true || stdin.isTTY !== true || process.env['TERM'] === 'dumb') {
    throw new ImsError('IMS_ERR_USAGE', 'top needs a terminal; "ims-launch calls --watch" does not');
  }
  const client = await requireLauncher(config);
  const end = await new Promise<number | 'gone'>((resolve) => {
    const live = new Live(client, resolve);
    for (const [signal, number] of Object.entries(ENDING_SIGNALS)) {
      process.once(signal, () => live.end(128 + number));
    }
  });
  client.close();
  if (end === 'gone') {
    throw notRunning(config);
  }
  process.exitCode = end;
}

class Live {
  readonly #client: ControlClient;
  readonly #resolve: (end: number | 'gone') => void;
  readonly #screen: FullScreen;
  readonly #timer: NodeJS.Timeout;
  #view: TopView = {
    status: undefined,
    calls: 'asking …',
    packetsPerSecond: undefined,
    events: [],
    scrolled: 0,
  };
  #asking = false;
  #counted: { readonly at: number; readonly packets: ReadonlyMap<string, number> } | undefined;

  constructor(client: ControlClient, resolve: (end: number | 'gone') => void) {
    this.#client = client;
    this.#resolve = resolve;
    this.#screen = new FullScreen(process.stdin, process.stdout, {
      key: (key) => this.#obey(key),
      stale: () => this.#paint(),
      hungUp: () => this.end(0),
    });
    this.#timer = setInterval(() => void this.#ask(), INTERVAL_MS);
    void client.closed.then(() => this.end('gone'));
    void client.ask(
      { verb: 'events', follow: true },
      { timeoutMs: Number.POSITIVE_INFINITY, onItem: (item) => this.#note(item as TopEvent) },
    );
    void this.#ask();
  }

  /** Idempotent. */
  end(how: number | 'gone'): void {
    clearInterval(this.#timer);
    this.#screen.leave();
    this.#resolve(how);
  }

  async #ask(): Promise<void> {
    if (this.#asking) {
      return;
    }
    this.#asking = true;
    const [status, calls] = await Promise.all([
      this.#client.ask({ verb: 'status' }, { timeoutMs: ANSWER_LIMIT_MS }),
      this.#client.ask({ verb: 'calls' }, { timeoutMs: ANSWER_LIMIT_MS }),
    ]);
    this.#asking = false;
    const answer =
      typeof calls === 'string'
        ? 'the relay does not answer'
        : calls.ok
          ? (calls.result as CallsAnswer)
          : calls.error.message;
    this.#change({
      status: typeof status === 'object' && status.ok ? readStatus(status.result) : undefined,
      calls: answer,
      packetsPerSecond: typeof answer === 'string' ? undefined : this.#rateOf(answer),
    });
  }

  /** Of the calls that were told the last time, too. */
  #rateOf({ calls }: CallsAnswer): number | undefined {
    const at = performance.now();
    const before = this.#counted;
    const packets = new Map(
      calls.map((call) => [`${call.callId}\n${call.fromTag}`, call.caller.packets + call.callee.packets]),
    );
    this.#counted = { at, packets };
    if (before === undefined) {
      return undefined;
    }
    let sum = 0;
    for (const [call, count] of packets) {
      sum += Math.max(0, count - (before.packets.get(call) ?? count));
    }
    return (sum * 1000) / Math.max(1, at - before.at);
  }

  #note(event: TopEvent): void {
    this.#view = { ...this.#view, events: [...this.#view.events, event].slice(-EVENTS_KEPT) };
  }

  #obey(key: Key): void {
    if (key === 'quit') {
      this.end(0);
      return;
    }
    const page = Math.max(1, Math.floor(this.#screen.size.rows / 4));
    const steps = { up: -1, down: 1, 'page-up': -page, 'page-down': page, home: Number.NEGATIVE_INFINITY } as const;
    this.#change({ scrolled: this.#view.scrolled + steps[key] });
  }

  #change(change: Partial<TopView>): void {
    const view = { ...this.#view, ...change };
    this.#view = { ...view, scrolled: Math.min(Math.max(0, view.scrolled), lastScroll(view)) };
    this.#paint();
  }

  #paint(): void {
    this.#screen.paint(topFrame(this.#view, this.#screen.size).map(painted));
  }
}

const COLOURS = pc.createColors(pc.isColorSupported);

const TONES: Readonly<Record<Tone, (text: string) => string>> = {
  plain: (text) => text,
  strong: COLOURS.bold,
  faint: COLOURS.dim,
  good: COLOURS.green,
  doubtful: COLOURS.yellow,
  bad: COLOURS.red,
};

function painted({ text, tone }: Line): string {
  return TONES[tone](text);
}
