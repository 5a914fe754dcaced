/** What the relay answers to `V`. */
export const BASE_VERSION = '20040107';

/** A set of features that `VF <date>` asks for. Dates are compared as text; there is no order among them. */
export interface Capability {
  readonly date: string;
  readonly meaning: string;
}

/** Time-out notification: `VF` answers 1 only when the relay has a notify target (`-n`). */
export const NOTIFY_CAPABILITY = '20081224';

/** An extension of ours: no rtpproxy affirms it. */
export const SITUATION_CAPABILITY = '20261123';

export const CAPABILITIES: readonly Capability[] = [
  { date: BASE_VERSION, meaning: 'Basic RTP proxy functionality' },
  { date: '20050322', meaning: 'Multiple RTP streams and music on hold' },
  { date: '20060704', meaning: 'Capability query (VF)' },
  { date: '20071116', meaning: 'Re-packetising (Z)' },
  { date: '20071218', meaning: 'Copying of a stream (C)' },
  { date: '20080403', meaning: 'Query of a session’s counters (Q)' },
  { date: '20081102', meaning: 'Codec list in U and L, and P with the session’s codecs' },
  { date: NOTIFY_CAPABILITY, meaning: 'Session time-out notification' },
  { date: '20090810', meaning: 'Automatic bridging (address modifiers R and L)' },
  { date: '20140323', meaning: 'Load reporting (Il)' },
  { date: '20140617', meaning: 'Separate time-out during set-up' },
  { date: '20141004', meaning: 'Counters of the whole relay (G)' },
  { date: '20150330', meaning: 'New port on request (Un, Ln)' },
  { date: '20150420', meaning: 'Sequence tracking, rtpa_* counters, chosen counters in Q' },
  { date: '20150617', meaning: 'Notify target %%CC_SELF%%' },
  { date: '20191015', meaning: 'Subcommands (&&)' },
  { date: '20200226', meaning: 'Stop of recording (N)' },
  { date: '20230205', meaning: 'Counter rtpa_nlost' },
  { date: '20230314', meaning: 'Query and delete in one command' },
  { date: '20230424', meaning: 'Counters longest_ipi and rtpa_j*' },
  { date: '20250523', meaning: 'Source port of a copy (modifier p of C)' },
  { date: '20251015', meaning: 'Subcommand S: ttl and tos' },
  { date: '20260306', meaning: 'Labels of local addresses (l{label})' },
  { date: '20260308', meaning: 'Offer and answer in one command (U … && L …)' },
  { date: '20260309', meaning: 'Copying of a whole session (subcommand C)' },
  { date: SITUATION_CAPABILITY, meaning: 'Hold and ringing told with U and L (H), of ims-relay alone' },
];
