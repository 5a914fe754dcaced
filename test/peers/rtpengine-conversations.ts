/**
 * Conversations of U, L, D and Q that our relay and rtpengine (10.5, `--listen-udp`) must answer alike, as far as a
 * client can tell. Where they do not, the step says what rtpengine answers and why.
 */

export interface Step {
  /** `@caller@` and `@callee@` stand for the ports of two phones, which talk before a step with `afterTalk`. */
  readonly command: string;
  /**
   * What a client makes of the reply. `port 1`, `port 2`, … are ports of the relay in the order in which they were
   * first granted; `refused` is any E-code.
   */
  readonly answer: string;
  readonly rtpengine?: { readonly answer: string; readonly why: string };
  readonly afterTalk?: true;
}

export interface Conversation {
  readonly title: string;
  readonly steps: readonly Step[];
}

export const CONVERSATIONS: readonly Conversation[] = [
  {
    title: 'a client asks what the relay can do',
    steps: [
      { command: 'V', answer: '20040107' },
      { command: 'VF 20040107', answer: '1' },
      { command: 'VF 20050322', answer: '1' },
      { command: 'VF 20060704', answer: '1' },
      { command: 'VF 19990101', answer: '0' },
      { command: 'VF 20071116', answer: '1', rtpengine: { answer: '0', why: 'it does not re-packetise (Z)' } },
      { command: 'VF 20081102', answer: '1', rtpengine: { answer: '0', why: 'it has neither c… nor P and S' } },
    ],
  },
  {
    title: 'offer, answer, both said again, delete',
    steps: [
      { command: 'Uc0,101 @call@ 127.0.0.1 @caller@ A;1', answer: 'port 1 at 127.0.0.1' },
      { command: 'Uc0,101 @call@ 127.0.0.1 @caller@ A;1', answer: 'port 1 at 127.0.0.1' },
      { command: 'Lc0,101 @call@ 127.0.0.1 @callee@ A;1 B;1', answer: 'port 2 at 127.0.0.1' },
      { command: 'Lc0,101 @call@ 127.0.0.1 @callee@ A;1 B;1', answer: 'port 2 at 127.0.0.1' },
      { command: 'D @call@ A B', answer: '0' },
      { command: 'D @call@ A B', answer: 'refused' },
    ],
  },
  {
    title: 'the callee re-INVITEs and hangs up',
    steps: [
      { command: 'U @call@ 127.0.0.1 @caller@ A;1', answer: 'port 1 at 127.0.0.1' },
      { command: 'L @call@ 127.0.0.1 @callee@ A;1 B;1', answer: 'port 2 at 127.0.0.1' },
      { command: 'U @call@ 127.0.0.1 @callee@ B;1 A;1', answer: 'port 2 at 127.0.0.1' },
      { command: 'L @call@ 127.0.0.1 @caller@ B;1 A;1', answer: 'port 1 at 127.0.0.1' },
      { command: 'D @call@ B A', answer: '0' },
    ],
  },
  {
    title: 'the caller gives up before an answer',
    steps: [
      { command: 'U @call@ 127.0.0.1 @caller@ A;1', answer: 'port 1 at 127.0.0.1' },
      { command: 'D @call@ A', answer: '0' },
      { command: 'D @call@ A', answer: 'refused' },
    ],
  },
  {
    title: 'calls and tags that nobody knows',
    steps: [
      { command: 'L @call@ 127.0.0.1 @callee@ A;1 B;1', answer: 'no port' },
      { command: 'Q @call@ A;1 B;1', answer: 'refused' },
      { command: 'D @call@ A B', answer: 'refused' },
      { command: 'U @call@ 127.0.0.1 @caller@ A;1', answer: 'port 1 at 127.0.0.1' },
      { command: 'D @call@ X', answer: 'refused' },
      { command: 'L @call@ 127.0.0.1 @callee@ A;1 B;1', answer: 'port 2 at 127.0.0.1' },
      { command: 'D @call@ A B', answer: '0' },
    ],
  },
  {
    title: 'two calls with one Call-ID, deleted one by one',
    steps: [
      { command: 'U @call@ 127.0.0.1 @caller@ A;1', answer: 'port 1 at 127.0.0.1' },
      { command: 'U @call@ 127.0.0.1 @caller@ C;1', answer: 'port 2 at 127.0.0.1' },
      { command: 'L @call@ 127.0.0.1 @callee@ A;1 B;1', answer: 'port 3 at 127.0.0.1' },
      { command: 'L @call@ 127.0.0.1 @callee@ C;1 D;1', answer: 'port 4 at 127.0.0.1' },
      { command: 'D @call@ A B', answer: '0' },
      { command: 'L @call@ 127.0.0.1 @callee@ C;1 D;1', answer: 'port 4 at 127.0.0.1' },
      { command: 'D @call@ C D', answer: '0' },
    ],
  },
  {
    title: 'audio and video',
    steps: [
      { command: 'U @call@ 127.0.0.1 @caller@ A;1', answer: 'port 1 at 127.0.0.1' },
      {
        command: 'U @call@ 127.0.0.1 17010 A;2',
        answer: 'port 2 at 127.0.0.1',
        rtpengine: { answer: 'port 2 at 0.0.0.0', why: 'it names the address with the first stream only' },
      },
      { command: 'L @call@ 127.0.0.1 @callee@ A;1 B;1', answer: 'port 3 at 127.0.0.1' },
      {
        command: 'L @call@ 127.0.0.1 17012 A;2 B;2',
        answer: 'port 4 at 127.0.0.1',
        rtpengine: { answer: 'port 4 at 0.0.0.0', why: 'it names the address with the first stream only' },
      },
      { command: 'D @call@ A B', answer: '0' },
    ],
  },
  {
    title: 'a forked call, whose branches follow the Call-ID',
    steps: [
      { command: 'U @call@;br1 127.0.0.1 @caller@ A;1', answer: 'port 1 at 127.0.0.1' },
      {
        command: 'U @call@;br2 127.0.0.1 @caller@ A;1',
        answer: 'port 2 at 127.0.0.1',
        rtpengine: {
          answer: 'port 1 at 127.0.0.1',
          why: 'its branches of an offer share a port; ours never mix their media',
        },
      },
      {
        command: 'L @call@;br1 127.0.0.1 @callee@ A;1 B;1',
        answer: 'port 3 at 127.0.0.1',
        rtpengine: { answer: 'port 2 at 127.0.0.1', why: 'the second port that it has granted' },
      },
      {
        command: 'L @call@;br2 127.0.0.1 17012 A;1 C;1',
        answer: 'port 4 at 127.0.0.1',
        rtpengine: { answer: 'port 3 at 127.0.0.1', why: 'the third port that it has granted' },
      },
      { command: 'D @call@;br1 A B', answer: '0' },
      { command: 'D @call@;br2 A C', answer: '0' },
    ],
  },
  {
    title: 'hold as in RFC 2543, and a stream that is off',
    steps: [
      {
        command: 'U @call@ 0.0.0.0 @caller@ A;1',
        answer: 'port 1 at 127.0.0.1',
        rtpengine: {
          answer: 'port 1 at 0.0.0.0',
          why: 'it repeats the null address; a client with ours keeps its own',
        },
      },
      { command: 'D @call@ A', answer: '0' },
      {
        command: 'U @call@ 127.0.0.1 0 A;1',
        answer: 'port 2 at 127.0.0.1',
        rtpengine: { answer: 'no port', why: 'rtpproxy grants one, and clients leave a stream with port 0 as it is' },
      },
      { command: 'D @call@ A', answer: '0' },
    ],
  },
  {
    title: 'commands in lower case',
    steps: [
      { command: 'u @call@ 127.0.0.1 @caller@ A;1', answer: 'port 1 at 127.0.0.1' },
      { command: 'l @call@ 127.0.0.1 @callee@ A;1 B;1', answer: 'port 2 at 127.0.0.1' },
      { command: 'd @call@ A B', answer: '0' },
    ],
  },
  {
    title: 'tags without the number of their stream, as old clients send them',
    steps: [
      {
        command: 'U @call@ 127.0.0.1 @caller@ A',
        answer: 'port 1 at 127.0.0.1',
        rtpengine: {
          answer: 'what was offered',
          why: 'it does not read such a line, and returns the phone’s own address, so that the call passes it by',
        },
      },
      {
        command: 'D @call@ A',
        answer: '0',
        rtpengine: { answer: 'refused', why: 'it has no such call' },
      },
    ],
  },
  {
    title: 'lines that make no sense',
    steps: [
      { command: 'U', answer: 'refused' },
      { command: 'L @call@', answer: 'refused' },
      { command: 'D', answer: 'refused' },
      { command: 'Q', answer: 'refused' },
      { command: 'C', answer: 'refused' },
      { command: 'U @call@ 300.0.0.1 @caller@ A;1', answer: 'refused' },
    ],
  },
  {
    // The last one: rtpengine 10.5 keeps a call locked after a Q, and a D for it is never answered.
    title: 'ten RTP packets and one of RTCP each way, counted',
    steps: [
      { command: 'Uc0 @call@ 127.0.0.1 @caller@ A;1', answer: 'port 1 at 127.0.0.1' },
      { command: 'Lc0 @call@ 127.0.0.1 @callee@ A;1 B;1', answer: 'port 2 at 127.0.0.1' },
      {
        command: 'Q @call@ A;1 B;1',
        afterTalk: true,
        answer: 'alive, counted 10 10 20 0',
        rtpengine: {
          answer: 'alive, counted 20 2 0 0',
          why: 'RTP and RTCP of both sides; rtpproxy counts RTP: of the caller, of the callee, relayed, dropped',
        },
      },
    ],
  },
];
