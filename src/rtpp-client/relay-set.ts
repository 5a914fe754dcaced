/**
 * Several relays that share the calls by weight: which one serves a session, which of them work. A session stays with
 * the relay that it began on; a relay that is disabled gets no new ones, and is asked again until it answers.
 *
 * ```
 *            verdict: rtpproxy
 *  unknown ────────────────────► up ──── nothing heard for 5 s ──► V ──┐
 *     │                          ▲ ▲ └◄────────── any answer ◄─────────┤
 *     │ no relay, no answer      │ └─ E71 E72 E98 E99: rests a while   │ timeout, refused, disconnected
 *     └──────────► down ─────────┘    (chosen when no other is left)   │ (also of a call's command)
 *                   ▲  V, VF after 1, 2, 4 … 30 s, or when it is heard │
 *                   └──────────────────────────────────────────────────┘
 * ```
 *
 * One relay alone is not judged: there is nowhere else to go, and whoever started it watches it.
 */
import { describeEcode } from '../rtpp/ecodes.ts';
import { DeadlineQueue } from '../wire/deadline-queue.ts';
import { describeOutcome, type RtppOutcome } from './outcome.ts';
import type { ProbeVerdict } from './probe.ts';
import { type RelaySetPolicy, restOf } from './relay-set-policy.ts';

/** Names a relay within its set: the text of its control socket. */
export type MemberName = string;

export interface SetMember {
  readonly name: MemberName;
  /** Share of the new sessions; 0: a spare, for when no other works. */
  readonly weight: number;
}

export type RelaySetEffect =
  /** One `V`: does it still answer? Its outcome comes back through `handleOutcome`. */
  | { readonly kind: 'check'; readonly member: MemberName }
  /** `V` and `VF`: is it a relay that serves us? The verdict comes back. */
  | { readonly kind: 'probe'; readonly member: MemberName }
  | {
      readonly kind: 'disabled';
      readonly member: MemberName;
      readonly reason: string;
      /** Relays that are left. */
      readonly left: number;
    }
  /** `downMs` undefined: for the first time. `sessions` began on it before. */
  | {
      readonly kind: 'enabled';
      readonly member: MemberName;
      readonly downMs: number | undefined;
      readonly sessions: number;
    }
  /** It left the set, and its last session is over. */
  | { readonly kind: 'retired'; readonly member: MemberName };

interface Member {
  readonly name: MemberName;
  weight: number;
  /** Smooth weighted round robin: grows by the weight with each choice, and falls by all weights when chosen. */
  credit: number;
  condition: 'unknown' | 'up' | 'down';
  /** What answers there cannot serve us: only a probe can find that this has changed. */
  unsuitable: boolean;
  /** It refused a new session: others come first until then. */
  restsUntil: number;
  heardAt: number;
  downSince: number;
  /** Wait before the next probe while it is down. */
  probeWaitMs: number;
  probing: boolean;
  /** No longer in the configuration. */
  leaving: boolean;
  sessions: number;
}

/** Several streams of one call need this (`;2`…). */
const REQUIRED_CAPABILITY = '20050322';

const NONE: ReadonlySet<MemberName> = new Set();

export class RelaySetEngine {
  readonly #policy: RelaySetPolicy;
  readonly #members = new Map<MemberName, Member>();
  readonly #sessions = new Map<string, Member>();
  readonly #deadlines = new DeadlineQueue<Member>();

  constructor(policy: RelaySetPolicy) {
    this.#policy = policy;
  }

  /** Sessions that are placed. */
  get sessionCount(): number {
    return this.#sessions.size;
  }

  /** The one relay there is, or undefined: there are several. */
  get alone(): MemberName | undefined {
    const [first, ...others] = this.#active();
    return others.length === 0 ? first?.name : undefined;
  }

  isUp(member: MemberName): boolean {
    return this.#members.get(member)?.condition === 'up';
  }

  nextTimeoutAt(): number {
    return this.#deadlines.next();
  }

  /** The relays from now on. One that is missing gets no new sessions, and retires with its last one. */
  configure(now: number, wanted: readonly SetMember[]): RelaySetEffect[] {
    const names = new Set(wanted.map(({ name }) => name));
    for (const { name, weight } of wanted) {
      const known = this.#members.get(name);
      if (known === undefined) {
        this.#members.set(name, newMember(name, weight));
      } else {
        known.weight = weight;
        known.condition = known.leaving ? 'unknown' : known.condition;
        known.leaving = false;
      }
    }
    const effects: RelaySetEffect[] = [];
    for (const member of this.#members.values()) {
      if (!names.has(member.name)) {
        member.leaving = true;
        this.#deadlines.remove(member);
        effects.push(...this.#retireIfIdle(member));
      }
    }
    const isSet = this.alone === undefined;
    for (const member of this.#active()) {
      if (!isSet) {
        member.condition = 'unknown';
        this.#deadlines.remove(member);
      } else if (member.condition === 'unknown') {
        this.#deadlines.schedule(member, now);
      }
    }
    return [...effects, ...this.handleTimeout(now)];
  }

  /** The relay that a session began on. */
  memberOf(session: string): MemberName | undefined {
    return this.#sessions.get(session)?.name;
  }

  /**
   * The relay that serves the session: where it began, or for a new one the next by weight. `tried` have failed it:
   * it begins elsewhere. Undefined: none is left.
   */
  place(now: number, session: string, tried: ReadonlySet<MemberName> = NONE): MemberName | undefined {
    const known = this.#sessions.get(session);
    if (known !== undefined && !tried.has(known.name)) {
      return known.name;
    }
    this.#release(session);
    const chosen = this.#choose(now, tried);
    if (chosen !== undefined) {
      this.#sessions.set(session, chosen);
      chosen.sessions += 1;
    }
    return chosen?.name;
  }

  /** The session began on that relay, in another process. One that is no member any more holds nothing. */
  adopt(session: string, name: MemberName): void {
    const member = this.#members.get(name);
    if (member !== undefined && !this.#sessions.has(session)) {
      this.#sessions.set(session, member);
      member.sessions += 1;
    }
  }

  /** The session is over. */
  forget(session: string): RelaySetEffect[] {
    const member = this.#release(session);
    return member === undefined ? [] : this.#retireIfIdle(member);
  }

  /** What became of a command, a call's or a check's, that was sent at `sentAt`. */
  handleOutcome(now: number, name: MemberName, sentAt: number, outcome: RtppOutcome): RelaySetEffect[] {
    const member = this.#members.get(name);
    if (member === undefined || member.leaving || this.alone !== undefined) {
      return [];
    }
    switch (outcome.kind) {
      case 'reply':
        member.heardAt = now;
        if (outcome.reply.kind === 'error') {
          member.restsUntil = Math.max(member.restsUntil, now + restOf(outcome.reply.code));
        }
        if (member.condition === 'up') {
          this.#deadlines.schedule(member, now + this.#policy.checkMs);
        } else if (member.condition === 'down' && !member.probing && !member.unsuitable) {
          // It is back, and may be another one: its capabilities are asked before it gets sessions.
          this.#deadlines.schedule(member, now);
        }
        return [];
      case 'timeout':
      case 'refused':
      case 'disconnected':
        // One lost command, while others are answered, says nothing.
        if (member.condition === 'up' && member.heardAt > sentAt) {
          this.#deadlines.schedule(member, now + this.#policy.checkMs);
          return [];
        }
        return this.#disable(now, member, describeOutcome(outcome));
      case 'closed':
      case 'rejected':
        if (member.condition === 'up') {
          this.#deadlines.schedule(member, now + this.#policy.checkMs);
        }
        return [];
    }
  }

  handleVerdict(now: number, name: MemberName, verdict: ProbeVerdict): RelaySetEffect[] {
    const member = this.#members.get(name);
    if (member === undefined) {
      return [];
    }
    member.probing = false;
    if (member.leaving || this.alone !== undefined) {
      return [];
    }
    const flaw = flawOf(verdict);
    member.unsuitable = flaw !== undefined && (verdict.kind === 'foreign' || verdict.kind === 'rtpproxy');
    if (flaw !== undefined) {
      return this.#disable(now, member, flaw);
    }
    member.heardAt = now;
    return this.#enable(now, member);
  }

  handleTimeout(now: number): RelaySetEffect[] {
    const effects: RelaySetEffect[] = [];
    for (let member = this.#deadlines.due(now); member !== undefined; member = this.#deadlines.due(now)) {
      const quietUntil = member.heardAt + this.#policy.checkMs;
      if (member.condition === 'up' && quietUntil > now) {
        this.#deadlines.schedule(member, quietUntil);
        continue;
      }
      this.#deadlines.remove(member);
      if (member.condition === 'up') {
        effects.push({ kind: 'check', member: member.name });
      } else if (!member.probing) {
        member.probing = true;
        effects.push({ kind: 'probe', member: member.name });
      }
    }
    return effects;
  }

  #active(): Member[] {
    return [...this.#members.values()].filter(({ leaving }) => !leaving);
  }

  /** Those that work, before those that refused lately, before those that are down: these are asked, too, when all are. */
  #choose(now: number, tried: ReadonlySet<MemberName>): Member | undefined {
    const candidates = this.#active().filter(({ name }) => !tried.has(name));
    const ranked = new Map<number, Member[]>();
    for (const member of candidates) {
      const rank = rankOf(now, member);
      ranked.set(rank, [...(ranked.get(rank) ?? []), member]);
    }
    const best = ranked.get(Math.min(...ranked.keys()));
    return best === undefined ? undefined : nextByWeight(best);
  }

  #release(session: string): Member | undefined {
    const member = this.#sessions.get(session);
    if (member !== undefined) {
      this.#sessions.delete(session);
      member.sessions -= 1;
    }
    return member;
  }

  #retireIfIdle(member: Member): RelaySetEffect[] {
    if (!member.leaving || member.sessions > 0) {
      return [];
    }
    this.#members.delete(member.name);
    return [{ kind: 'retired', member: member.name }];
  }

  #enable(now: number, member: Member): RelaySetEffect[] {
    this.#deadlines.schedule(member, now + this.#policy.checkMs);
    if (member.condition === 'up') {
      return [];
    }
    const downMs = member.condition === 'down' ? now - member.downSince : undefined;
    member.condition = 'up';
    return [{ kind: 'enabled', member: member.name, downMs, sessions: member.sessions }];
  }

  #disable(now: number, member: Member, reason: string): RelaySetEffect[] {
    const wasDown = member.condition === 'down';
    member.condition = 'down';
    if (wasDown) {
      // Commands of its calls fail again and again: only probes are counted.
      if (this.#isUnscheduled(member)) {
        member.probeWaitMs = Math.min(member.probeWaitMs * 2, this.#policy.longestProbeMs);
        this.#deadlines.schedule(member, now + member.probeWaitMs);
      }
      return [];
    }
    member.downSince = now;
    member.probeWaitMs = this.#policy.firstProbeMs;
    this.#deadlines.schedule(member, now + member.probeWaitMs);
    const left = this.#active().filter(({ condition }) => condition !== 'down').length;
    return [{ kind: 'disabled', member: member.name, reason, left }];
  }

  /** Its probe has just ended: the next one has no time yet. */
  #isUnscheduled(member: Member): boolean {
    return !member.probing && !this.#deadlines.has(member);
  }
}

function newMember(name: MemberName, weight: number): Member {
  return {
    name,
    weight,
    credit: 0,
    condition: 'unknown',
    unsuitable: false,
    restsUntil: Number.NEGATIVE_INFINITY,
    heardAt: Number.NEGATIVE_INFINITY,
    downSince: 0,
    probeWaitMs: 0,
    probing: false,
    leaving: false,
    sessions: 0,
  };
}

/** The lowest comes first. */
function rankOf(now: number, { condition, restsUntil, weight }: Member): number {
  const trouble = condition === 'down' ? 2 : restsUntil > now ? 1 : 0;
  return trouble * 2 + (weight === 0 ? 1 : 0);
}

/** Evenly mixed: weights 1 and 3 give b a b b, over and over. Spares take turns. */
function nextByWeight(members: readonly Member[]): Member | undefined {
  let best: Member | undefined;
  let total = 0;
  for (const member of members) {
    const weight = Math.max(member.weight, 1);
    total += weight;
    member.credit += weight;
    if (best === undefined || member.credit > best.credit) {
      best = member;
    }
  }
  if (best !== undefined) {
    best.credit -= total;
  }
  return best;
}

/** Why a relay cannot be used; undefined: it can. */
function flawOf(verdict: ProbeVerdict): string | undefined {
  switch (verdict.kind) {
    case 'absent':
      return 'connection refused';
    case 'silent':
      return 'no answer';
    case 'foreign':
      return `what answers there is no RTPP relay: ${JSON.stringify(verdict.answer)}`;
    case 'rtpproxy':
      if (verdict.ecode !== undefined) {
        return describeEcode(verdict.ecode);
      }
      return verdict.capabilities.includes(REQUIRED_CAPABILITY)
        ? undefined
        : `it lacks capability ${REQUIRED_CAPABILITY}, several streams of a call`;
  }
}
