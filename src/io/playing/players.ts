/** Plays the prompts that the relay's engine asks for, each packet at its time. */
import { randomInt } from 'node:crypto';
import type { PairOutcome, SessionId, Side } from '../../relay/plane.ts';
import { type PlayerId, type PlayRequest, PROMPT_CODECS } from '../../relay/playing/prompt.ts';
import { PromptStream } from '../../relay/playing/prompt-stream.ts';
import { DeadlineQueue } from '../../wire/deadline-queue.ts';
import { DeadlineTimer } from '../deadline-timer.ts';
import { PromptFiles } from './prompt-files.ts';

export interface PlayersOptions {
  /** Sends a packet to the party of a leg; false: its address is not known yet. */
  readonly send: (session: SessionId, side: Side, packet: Uint8Array) => boolean;
  /** The prompt is over. */
  readonly onEnd: (player: PlayerId) => void;
}

/** After a stall as long as this, milliseconds, the rest is played later rather than in a burst. */
const MAX_LAG_MS = 200;

interface Player {
  readonly request: PlayRequest;
  readonly stream: PromptStream;
  dueAt: number;
  /** Made, and not sent yet: the party's address is not known. */
  waiting: Uint8Array | undefined;
}

export class Players {
  readonly #options: PlayersOptions;
  readonly #files = new PromptFiles();
  readonly #players = new Map<PlayerId, Player>();
  readonly #queue = new DeadlineQueue<Player>();
  readonly #timer = new DeadlineTimer(() => this.#play());
  #closed = false;

  constructor(options: PlayersOptions) {
    this.#options = options;
  }

  /** Opens the first file that there is. Never rejects. */
  async open(request: PlayRequest): Promise<PairOutcome> {
    let cause = 'no codec was asked for';
    for (const payloadType of request.payloadTypes) {
      try {
        const data = await this.#files.read(`${request.name}.${payloadType}`);
        const codec = PROMPT_CODECS[payloadType];
        if (codec === undefined) {
          return { kind: 'failed', reason: 'other', cause: `payload type ${payloadType} cannot be played` };
        }
        const { packetMs, times } = request;
        const start = {
          ssrc: randomInt(1, 2 ** 32),
          sequenceNumber: randomInt(2 ** 16),
          timestamp: randomInt(2 ** 32),
        };
        const stream = new PromptStream({ data, payloadType, codec, packetMs, times, ...start });
        this.#players.set(request.player, { request, stream, dueAt: 0, waiting: undefined });
        return { kind: 'opened' };
      } catch (error) {
        cause = (error as Error).message;
      }
    }
    return { kind: 'failed', reason: 'other', cause };
  }

  /** The first packet leaves at once. */
  start(id: PlayerId): void {
    const player = this.#players.get(id);
    if (player !== undefined && !this.#closed) {
      player.dueAt = performance.now();
      this.#queue.schedule(player, player.dueAt);
      // Never from inside a call: a prompt without a frame ends at once.
      this.#timer.arm(this.#queue.next());
    }
  }

  stop(id: PlayerId): void {
    const player = this.#players.get(id);
    if (player !== undefined) {
      this.#players.delete(id);
      this.#queue.remove(player);
      this.#timer.arm(this.#queue.next());
    }
  }

  close(): void {
    this.#closed = true;
    for (const id of [...this.#players.keys()]) {
      this.stop(id);
    }
  }

  #play(): void {
    const now = performance.now();
    for (let player = this.#queue.due(now); player !== undefined; player = this.#queue.due(now)) {
      this.#playOne(now, player);
    }
    this.#timer.arm(this.#queue.next());
  }

  #playOne(now: number, player: Player): void {
    const { request, stream } = player;
    const packet = player.waiting ?? stream.next();
    if (packet === undefined) {
      this.stop(request.player);
      this.#options.onEnd(request.player);
      return;
    }
    player.waiting = this.#options.send(request.session, request.side, packet) ? undefined : packet;
    const late = player.waiting !== undefined || now - player.dueAt > MAX_LAG_MS;
    player.dueAt = (late ? now : player.dueAt) + stream.packetMs;
    this.#queue.schedule(player, player.dueAt);
  }
}
