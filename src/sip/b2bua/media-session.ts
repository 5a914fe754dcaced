/**
 * The relay session of one branch, and the order of what passes through it. At most one command is under way:
 * the relay may answer late or not at all, and a `D` that overtook a repeated `U` would leave a session behind.
 * Messages of the branch wait their turn here too, so that a 200 never overtakes the 183 before it.
 *
 *   idle --publish/check--> busy --outcome--> idle     (next step runs)
 *   idle|busy --close--> closing --outcome of D--> closed
 */
import {
  otherSide,
  type RelayCommand,
  type RelayOutcome,
  type RelaySession,
  type RelayStream,
  type Side,
} from './media-relay.ts';

/** A step of the branch: runs when everything before it is done. With `command`, after the relay's outcome. */
interface Step {
  readonly command: RelayCommand | undefined;
  readonly finish: (outcome: RelayOutcome) => void;
}

/** The SDP of one message, as far as the relay is concerned. */
export interface Publication {
  readonly writer: Side;
  readonly role: 'offer' | 'answer';
  readonly streams: readonly RelayStream[];
  /** The writer expects no media: silence is no sign of a dead call. */
  readonly held: boolean;
}

/** What the relay knows of both sides at one moment. */
export type Agreement = Readonly<Record<Side, Publication | undefined>>;

/** What the relay holds for a branch, as plain data. */
export interface MediaSnapshot {
  readonly session: RelaySession;
  readonly published: Readonly<Record<Side, Publication | undefined>>;
  /** Of the last command: who wrote it, and the ports that the relay told. */
  readonly last?: { readonly writer: Side; readonly ports: readonly number[] } | undefined;
  readonly ports: Readonly<Record<Side, readonly number[]>>;
}

const SIDES: readonly Side[] = ['caller', 'callee'];

/** More waiting steps than this is a flood: the message is refused. */
const MAX_WAITING_STEPS = 32;

const NOTHING: RelayOutcome = { kind: 'done', ports: [] };

export class MediaSession {
  readonly session: RelaySession;
  readonly #send: (command: RelayCommand) => void;
  #waiting: Step[] = [];
  #underWay: Step | undefined;
  /** The relay may hold something for us: a first publish was sent, whatever became of it. */
  #opened = false;
  #closing = false;
  /** Somebody has answered: the relay is told with what comes next. */
  #answered = false;
  /** What the relay was last told of each side. */
  readonly #published: Record<Side, Publication | undefined> = { caller: undefined, callee: undefined };
  #lastPublish: { readonly command: RelayCommand & { kind: 'publish' }; readonly ports: readonly number[] } | undefined;
  /** Ports that each party sends to, by m-line. */
  readonly ports: Record<Side, number[]> = { caller: [], callee: [] };

  /** `send` gives a command to the relay; its outcome comes back through `handleOutcome`. */
  constructor(session: RelaySession, send: (command: RelayCommand) => void) {
    this.session = session;
    this.#send = send;
  }

  /** Goes on with a session that the relay holds. */
  static resume(snapshot: MediaSnapshot, send: (command: RelayCommand) => void): MediaSession {
    const media = new MediaSession(snapshot.session, send);
    media.#opened = true;
    media.#answered = true;
    for (const side of SIDES) {
      media.#published[side] = snapshot.published[side];
      media.ports[side] = [...snapshot.ports[side]];
    }
    const { last } = snapshot;
    const publication = last === undefined ? undefined : snapshot.published[last.writer];
    if (last !== undefined && publication !== undefined) {
      media.#lastPublish = { command: media.#commandOf(publication), ports: last.ports };
    }
    return media;
  }

  snapshot(): MediaSnapshot {
    const last = this.#lastPublish;
    return {
      session: this.session,
      published: { ...this.#published },
      ...(last !== undefined && { last: { writer: writerOf(last.command), ports: last.ports } }),
      ports: { caller: [...this.ports.caller], callee: [...this.ports.callee] },
    };
  }

  get isBusy(): boolean {
    return this.#underWay !== undefined;
  }

  get isClosed(): boolean {
    return this.#closing && this.#underWay === undefined;
  }

  /** No packets are expected through the relay: a side holds, or nothing is relayed. */
  get isSilent(): boolean {
    return this.#lastPublish === undefined || this.#isHeld();
  }

  /** What holds now; `restore` goes back to it. */
  get agreement(): Agreement {
    return { ...this.#published };
  }

  /** Runs `then` when all earlier steps of this branch are done. False: too many wait. */
  inOrder(then: () => void): boolean {
    return this.#enqueue({ command: undefined, finish: then });
  }

  /** What is published from now on belongs to an answered call. */
  answer(): void {
    this.#answered = true;
  }

  /** The answer itself brought no SDP (it came with a reliable 183): the relay is told apart. */
  tellAnswered(): void {
    const last = this.#lastPublish?.command;
    if (last?.ringing === true && !this.#closing) {
      this.#enqueue({ command: this.#asOfNow(last), finish: () => {} });
    }
  }

  /**
   * Tells the relay where `writer` wants its media, and hands `then` the ports that the other party shall send to:
   * `ports[i]` for `streams[i]`. False: too many steps wait.
   */
  publish(publication: Publication, then: (outcome: RelayOutcome) => void): boolean {
    return this.#enqueue(this.#publishStep(publication, then));
  }

  /** An offer was refused: what was agreed before it holds again (RFC 3261 14.1). False: too many steps wait. */
  restore(agreement: Agreement, then: () => void): boolean {
    return this.inOrder(() => {
      const earlier = SIDES.filter((side) => agreement[side] !== this.#published[side]).map((side) => agreement[side]);
      const steps = earlier.filter((publication) => publication !== undefined);
      // Before all that waits: the next message is about what is agreed then.
      this.#waiting.unshift(...steps.map((publication) => this.#publishStep(publication, () => {})), {
        command: undefined,
        finish: then,
      });
    });
  }

  /**
   * Looks after the session between messages. A relay forgets a session without packets: while nobody is expected
   * to send (`ringing`, or hold) the last command is repeated, which restarts its clock; during a conversation it
   * is only asked, so that a call whose media has died is found out. Nothing happens while a command is under way.
   */
  check(ringing: boolean, then: (outcome: RelayOutcome) => void): void {
    const last = this.#lastPublish;
    if (last === undefined || this.isBusy || this.#closing) {
      return;
    }
    const { command, ports } = last;
    if (!ringing && !this.#isHeld()) {
      const { session, offerer, streams } = command;
      this.#enqueue({ command: { kind: 'check', session, offerer, streams }, finish: then });
      return;
    }
    this.#enqueue({
      command: this.#asOfNow(command),
      finish: (outcome) => {
        // A relay that made a new session for the old call (it was restarted) gives other ports.
        const changed = outcome.kind === 'done' && outcome.ports.some((port, index) => port !== ports[index]);
        then(changed ? { kind: 'lost' } : outcome);
      },
    });
  }

  /** Deletes the session on the relay; what waits is dropped. Idempotent. */
  close(): void {
    if (this.#closing) {
      return;
    }
    this.#closing = true;
    this.#waiting = [];
    if (this.#underWay === undefined) {
      this.#delete();
    }
  }

  /** Closes it, and lets go on what waits for nothing but its turn: another session has taken its place. */
  abandon(): void {
    const waiting = this.#closing ? [] : this.#waiting;
    this.close();
    for (const { command, finish } of waiting) {
      if (command === undefined) {
        finish(NOTHING);
      }
    }
  }

  /** The outcome of the command under way. */
  handleOutcome(outcome: RelayOutcome): void {
    const step = this.#underWay;
    this.#underWay = undefined;
    if (step === undefined) {
      return;
    }
    if (this.#closing) {
      if (step.command?.kind !== 'delete') {
        this.#delete();
      }
      return;
    }
    step.finish(outcome);
    this.#advance();
  }

  #isHeld(): boolean {
    return SIDES.some((side) => this.#published[side]?.held === true);
  }

  #publishStep(publication: Publication, then: (outcome: RelayOutcome) => void): Step {
    const { writer, streams } = publication;
    const reader = otherSide(writer);
    const command = this.#commandOf(publication);
    return {
      command: streams.length === 0 ? undefined : command,
      finish: (outcome) => {
        if (outcome.kind === 'done') {
          this.#published[writer] = publication;
          if (streams.length > 0) {
            this.#lastPublish = { command, ports: outcome.ports };
          }
          for (const [position, stream] of streams.entries()) {
            this.ports[reader][stream.index] = outcome.ports[position] ?? 0;
          }
        }
        then(outcome);
      },
    };
  }

  #commandOf({ writer, role, streams }: Publication): RelayCommand & { kind: 'publish' } {
    const offerer = role === 'offer' ? writer : otherSide(writer);
    return { kind: 'publish', session: this.session, role, offerer, streams, ringing: !this.#answered };
  }

  #asOfNow(command: RelayCommand & { kind: 'publish' }): RelayCommand & { kind: 'publish' } {
    return { ...command, ringing: !this.#answered };
  }

  #delete(): void {
    if (this.#opened) {
      this.#run({ command: { kind: 'delete', session: this.session }, finish: () => {} });
    }
  }

  #enqueue(step: Step): boolean {
    if (this.#closing) {
      return true;
    }
    if (this.#waiting.length >= MAX_WAITING_STEPS) {
      return false;
    }
    this.#waiting.push(step);
    this.#advance();
    return true;
  }

  #advance(): void {
    while (this.#underWay === undefined && !this.#closing) {
      const step = this.#waiting.shift();
      if (step === undefined) {
        return;
      }
      this.#run(step);
    }
  }

  #run(step: Step): void {
    if (step.command === undefined) {
      step.finish(NOTHING);
      return;
    }
    this.#opened = true;
    this.#underWay = step;
    this.#send(step.command);
  }
}

function writerOf({ role, offerer }: RelayCommand & { kind: 'publish' }): Side {
  return role === 'offer' ? offerer : otherSide(offerer);
}
