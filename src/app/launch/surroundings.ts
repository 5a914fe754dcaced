/** Where the launcher runs: as PID 1, in a container, below npm. What that spoils is said, with what to do instead. */
import { existsSync } from 'node:fs';
import { zombieChildrenOf } from '../../io/process-table.ts';
import type { Log } from '../../observe/log.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Between counts of the processes that nobody waits for, milliseconds. */
const ZOMBIE_SCAN_MS = 30_000;
/** A child of our own is a zombie for a moment, until Node has waited for it: what counts is there this much later. */
const ZOMBIE_SETTLE_MS = 250;

const PID_1_REMEDY =
  'put tini before node ("tini -- node … ims-launch.js"), start the container with --init, or use scripts/docker-entrypoint.sh';
const NPM_REMEDY =
  'in a container use ENTRYPOINT ["tini", "--", "node", "node_modules/ims-launch/build/src/bin/ims-launch.js"]';

export interface SurroundingsWatch {
  /** Counts zombies now. */
  look(): void;
  /** At the last count. */
  readonly zombies: number;
  close(): void;
}

/** Says at once what is wrong with the place, and as PID 1 counts zombies from then on. */
export function watchSurroundings(env: Environment, log: Log): SurroundingsWatch {
  if (startedByNpm(env) && isContainer(env)) {
    const fields = { event: 'launch.npm_in_container', reason: NPM_REMEDY };
    log.warn(fields, 'npm and npx do not pass a stop on: the container will be killed, calls and all');
  }
  if (process.pid !== 1) {
    return { look: () => {}, zombies: 0, close: () => {} };
  }
  log.warn({ event: 'pid1', reason: PID_1_REMEDY }, 'ims-launch is PID 1, and Node does not reap orphans');
  return new ZombieCount(log);
}

export function startedByNpm(env: Environment): boolean {
  return env['npm_command'] !== undefined || env['npm_lifecycle_event'] !== undefined;
}

/** Marks of Docker, Podman, systemd-nspawn and Kubernetes. */
export function isContainer(env: Environment): boolean {
  return (
    (env['container'] ?? '') !== '' ||
    env['KUBERNETES_SERVICE_HOST'] !== undefined ||
    existsSync('/.dockerenv') ||
    existsSync('/run/.containerenv')
  );
}

class ZombieCount implements SurroundingsWatch {
  readonly #log: Log;
  readonly #interval = setInterval(() => this.look(), ZOMBIE_SCAN_MS);
  #settling: NodeJS.Timeout | undefined;
  #told = false;
  zombies = 0;

  constructor(log: Log) {
    this.#log = log;
    this.#interval.unref();
  }

  look(): void {
    const suspects = zombieChildrenOf(process.pid);
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => this.#count(suspects), ZOMBIE_SETTLE_MS);
    this.#settling.unref();
  }

  close(): void {
    clearInterval(this.#interval);
    clearTimeout(this.#settling);
  }

  #count(suspects: readonly number[]): void {
    const still = new Set(zombieChildrenOf(process.pid));
    this.zombies = suspects.filter((pid) => still.has(pid)).length;
    const fields = { event: 'pid1.zombies', count: this.zombies };
    if (this.zombies > 0 && !this.#told) {
      this.#told = true;
      this.#log.warn({ ...fields, reason: PID_1_REMEDY }, 'ended processes pile up, since PID 1 does not reap them');
    } else {
      this.#log.debug(fields, 'ended processes that nobody reaps');
    }
  }
}
