/** Commands of the operator's that run beside a service: the one that stops it, the one that hears of another relay. */
import { HelperProcess } from '../../io/helper-process.ts';
import type { Logger } from '../../observe/logger.ts';
import type { ServiceName } from '../../supervisor/state.ts';
import { type ChildContext, helperCommand } from './children.ts';
import type { RunGuard } from './guard.ts';
import { withoutSecretArguments } from './output.ts';

export interface HelpersOptions {
  readonly log: Logger;
  guard(): RunGuard | undefined;
  line(service: ServiceName, stream: 'stdout' | 'stderr', text: string): void;
}

export interface HelperOrder {
  readonly service: ServiceName;
  /** For the log: `stopCommand`, `onRelayRestart`. */
  readonly key: string;
  readonly argv: readonly string[];
  readonly context: ChildContext;
  /** Of the service that it is about. */
  readonly servicePid: number | undefined;
  readonly limitMs: number;
  failed?(): void;
}

export class Helpers {
  readonly #options: HelpersOptions;
  readonly #running = new Set<HelperProcess>();

  constructor(options: HelpersOptions) {
    this.#options = options;
  }

  run({ service, key, argv, context, servicePid, limitMs, failed }: HelperOrder): void {
    const { log, guard, line } = this.#options;
    const command = helperCommand(service, argv, context);
    const env = { ...command.env, MAINPID: String(servicePid ?? '') };
    const startedAt = performance.now();
    log.info(
      { event: 'helper.start', service, key, command: withoutSecretArguments(argv) },
      'running a command of the configuration',
    );
    const helper: HelperProcess = new HelperProcess({ ...command, env }, limitMs, {
      started: (pid) => guard()?.watch(pid),
      line: (stream, text) => line(service, stream, text),
      ended: (failure) => {
        const durationMs = Math.round(performance.now() - startedAt);
        if (helper.pid !== undefined) {
          guard()?.forget(helper.pid);
        }
        this.#running.delete(helper);
        if (failure === undefined) {
          log.info({ event: 'helper.end', service, key, durationMs }, 'the command has ended');
        } else {
          log.warn({ event: 'helper.end', service, key, reason: failure, durationMs }, 'the command failed');
          failed?.();
        }
      },
    });
    this.#running.add(helper);
    helper.start();
  }

  killAll(): void {
    for (const helper of this.#running) {
      helper.kill();
    }
  }

  close(): void {
    for (const helper of this.#running) {
      helper.close();
    }
  }
}
