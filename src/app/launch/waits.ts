/** A wait that lasts says what it waits for: after 3 s, then ever more rarely. */
import type { ServiceName, SupervisorState } from '../../supervisor/state.ts';

const FIRST_MS = 3000;
const LONGEST_MS = 30_000;

const TITLES = { relay: 'the relay', ims: 'the IMS' } as const satisfies Record<ServiceName, string>;

/** What the system waits for at present; undefined: for nothing. `active`: calls or sessions, as far as they are known. */
export function describeWait(
  now: number,
  state: SupervisorState,
  active: ReadonlyMap<ServiceName, number>,
): string | undefined {
  const { stop, drain, phase } = state;
  if (phase === 'done' || phase === 'boot' || phase === 'config') {
    return undefined;
  }
  if (stop !== undefined) {
    return stop.stage === 'sweep'
      ? undefined
      : `${TITLES[stop.stage]} to stop, ${progress(now, stop.startedAt, stop.wallClockAt)}`;
  }
  if (drain !== undefined) {
    const calls = active.get(drain.service);
    const left = calls === undefined ? 'calls' : `${calls} ${drain.service === 'ims' ? 'calls' : 'sessions'}`;
    return `the end of ${left}, ${progress(now, drain.startedAt, drain.endsAt)}`;
  }
  for (const name of ['relay', 'ims'] as const) {
    const { condition, incarnation } = state[name];
    if (condition.kind === 'starting') {
      const since = incarnation?.spawnedAt ?? now;
      return `${TITLES[name]} to be ready, ${progress(now, since, condition.deadlineAt)}: ${condition.finding}`;
    }
    if (condition.kind === 'stopping') {
      return `${TITLES[name]} to stop, ${seconds(condition.plan.endAt - now)} more`;
    }
  }
  if (state.relayDueAt !== Number.POSITIVE_INFINITY) {
    return `a relay to answer, ${seconds(state.relayDueAt - now)} more`;
  }
  if (phase === 'probe' && state.silentSince !== Number.POSITIVE_INFINITY) {
    return 'an answer of the program that holds the relay’s control port';
  }
  return undefined;
}

export class WaitReporter {
  readonly #say: (waitsFor: string) => void;
  readonly #active: () => ReadonlyMap<ServiceName, number>;
  #state: SupervisorState | undefined;
  #subject = '';
  #timer: NodeJS.Timeout | undefined;
  #pauseMs = FIRST_MS;

  constructor(active: () => ReadonlyMap<ServiceName, number>, say: (waitsFor: string) => void) {
    this.#active = active;
    this.#say = say;
  }

  /** After every turn of the supervisor. */
  handleState(state: SupervisorState): void {
    this.#state = state;
    const subject = subjectOf(state);
    if (subject !== this.#subject) {
      this.#subject = subject;
      this.#pauseMs = FIRST_MS;
      this.#arm();
    }
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#state = undefined;
  }

  #arm(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#tell(), this.#pauseMs);
    this.#timer.unref();
  }

  #tell(): void {
    const text = this.#state === undefined ? undefined : describeWait(performance.now(), this.#state, this.#active());
    if (text !== undefined) {
      this.#say(text);
      this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_MS);
      this.#arm();
    }
  }
}

/** Another subject begins another wait. */
function subjectOf({ phase, stop, drain, relay, ims }: SupervisorState): string {
  const incarnations = `${relay.condition.kind}${relay.generation}/${ims.condition.kind}${ims.generation}`;
  return stop !== undefined ? `${phase} ${stop.stage}` : `${phase} ${drain?.startedAt ?? ''} ${incarnations}`;
}

function progress(now: number, since: number, until: number): string {
  const passed = seconds(now - since);
  return until === Number.POSITIVE_INFINITY ? `for ${passed}` : `${passed} of ${seconds(until - since)}`;
}

function seconds(ms: number): string {
  return `${Math.max(0, Math.round(ms / 1000))} s`;
}
