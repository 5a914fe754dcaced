/**
 * The hundred things that go wrong around a supervisor, and what an operator may expect then. A test named
 * `fault 12: …`, `faults 12, 13: …` or `faults 12-14: …` shows the rows with those numbers; `npm run test:faults` counts.
 */

export interface FaultRow {
  /** 1 to 100. */
  readonly number: number;
  readonly rule: string;
  /** Why no test shows it here; such a row is looked at by hand. */
  readonly manual?: string;
}

interface Chapter {
  readonly title: string;
  /** Number of its first row. */
  readonly from: number;
  readonly rules: readonly string[];
}

export const CHAPTERS: readonly Chapter[] = [
  {
    title: 'Launch, adoption, ports',
    from: 1,
    rules: [
      'no relay yet: probe, relay, its readiness, only then the IMS',
      'a relay that answers is adopted and left running',
      'RTPPROXY_AUTO_START=0 and no relay: a warning, status 1, and a relay that comes later is used',
      'the same with --require-relay: 69 after its time-out, no IMS',
      'an echo server on the control port is foreign: 69 and its pid, and it is left alone',
      'a holder of the control port that says nothing: 69 after some 6.5 s, nothing spawned beside it',
      'a relay that answers only the third question is adopted',
      'an answer to somebody else’s question is ignored, the right one counts',
      'two launchers start together with one control port: one relay, the other launcher adopts it',
      'a second launcher with the same configuration: 75 and the pid of the first',
      'a rival takes the control port between probe and spawn: asked again, no crash loop',
      'an adopted relay is killed: one of ours takes over, the IMS stays',
      'an adopted relay dies and none may be started: degraded until it is back',
      'the control socket of a killed launcher is replaced',
      'a stale pid file, whatever it holds, stops no start',
      'a command that is missing, not executable, a directory, or in no directory: 127, 126, 126, 78, no retries',
      'a command that goes into the background is found, killed and named: 78',
      'E2BIG ends the start with a sentence, EAGAIN is tried again; the supervisor survives both',
    ],
  },
  {
    title: 'Crash and restart',
    from: 19,
    rules: [
      'the relay is killed after 15 s: another at once, the IMS stays and is told',
      'control commands sent while no relay runs are answered by the next one, none twice',
      'the IMS is killed: another one; the relay and its sessions stay',
      'an IMS that ends with 0 unasked has failed',
      'an IMS that ends with 78 is not started again: 78',
      'an IMS that ends at once, always: three tries, its status, its last lines once',
      'an IMS that is ready and crashes, again and again: delays by the table, the end after ten in 300 s',
      'a crash after a minute of readiness begins the series of delays anew',
      'a crash after 59 s goes on with it',
      'an IMS that ends by a signal: 128 + its number',
      'a relay that binds and never answers: stopped after its time-out, counted, 69',
      'a stop during a backoff is over at once, and nothing is spawned any more',
      'a stop while the relay comes up: the IMS is never started',
      'twenty restarts at once are one',
      'a late exit of an earlier incarnation is ignored',
      'relay and IMS killed together: the relay first, the IMS after it',
      'the relay is killed again while it starts: budgets hold, never two at once',
    ],
  },
  {
    title: 'Teardown',
    from: 36,
    rules: [
      'TERM: the IMS stops strictly before the relay, 0, both groups gone',
      'an IMS that ignores TERM is killed at the end of its slice; the relay keeps its own',
      'both ignore TERM: the budget holds',
      'a grandchild in the group outlives its leader and ignores TERM: gone before we are',
      'a grandchild in a session of its own is swept',
      'a grandchild that holds the output open delays nothing',
      'an IMS that forks while it is stopped leaves nothing',
      'a normal stop is one TERM a process',
      'two SIGINT within 50 ms are one',
      'two SIGINT a second apart kill everything: 130',
      'Ctrl-C in a terminal: no child gets SIGINT, the status is 130',
      'a closed terminal takes everything with it',
      'HUP without a terminal reloads, the pids stay',
      'kill -9 for the supervisor: both groups are gone, the next start is clean',
      'kill -9 for the guardian as well: the next start reclaims what was left',
      'TERM to npx: the launcher sees it and stops in order',
      'npm start: the same; with exec the signal arrives',
      'an adopted relay is never signalled',
      'the relay crashes while the IMS is stopped: no restart, 0',
      'the IMS is given up while the relay waits: one teardown, one status',
      'a bug of our own: the groups are killed, 70, the stack is logged',
      'a process that cannot be killed is named, and we end all the same',
      'a server of several processes takes down its own children in its own order',
      'a relay that ends with 143 on a second TERM has ended cleanly',
    ],
  },
  {
    title: 'PID 1 and containers',
    from: 60,
    rules: [
      'Node as PID 1: TERM is an orderly stop',
      'Node as PID 1: zombies are counted, one warning, no teardown is fooled',
      'the entrypoint script as PID 1 reaps, and passes the status on',
      'without ps, sh and setpriv the system starts and stops',
      'a read-only working directory and no runtime directory: it runs',
    ],
  },
  {
    title: 'Health',
    from: 65,
    rules: [
      'a relay that stands still for 5 s is unhealthy, and not restarted',
      'a relay that stands still for 20 s is restarted once',
      'a relay that answers and drops media: found; restarted only without calls',
      'a relay that alters payload is found',
      'a hundred proofs leave no session and no port behind',
      'the supervisor stands still for 30 s: nobody is restarted',
      'the supervisor’s loop was blocked: its samples do not count',
      'a relay that answers late: 900 ms is an answer, 1100 ms is a miss',
      'an IMS that stops answering: reported; restarted only if that was asked for',
      'the clock on the wall is changed: no timer notices',
      'a child of ours whose loop hangs: looked at from outside, killed, restarted',
    ],
  },
  {
    title: 'Configuration',
    from: 76,
    rules: [
      'a file written in two steps is one reload',
      'the same with 2 s between: one rejection, then applied, the pids stay',
      'rename over, backup rename, delete and create, ConfigMap swap: each is applied once',
      'the same content again has no effect',
      'a file that stays invalid: the last good one is kept, one warning',
      'SERVER_ADDR: new calls take it, calls in progress keep theirs',
      'USERS: no restart, and no password in the log',
      'SERVER_PORT to a port that is taken: rolled back',
      'fifty writes in a second: the last one wins, at most one restart',
      'no inotify: polled instead',
      'a directory that appears later is watched',
      'a reload while everything stops is ignored',
    ],
  },
  {
    title: 'Logs and control',
    from: 88,
    rules: [
      'a megabyte without a line end: bounded, and nothing lost',
      'two floods: no torn line, order kept, what was left out is counted',
      'a reader of the log that stalls delays nothing',
      'a log that is closed does not end supervision',
      'bytes that are no text leave log and screen whole',
      'every line of the JSON log parses',
      'no secret in any output',
      'the last line before an end is in the log',
      'a log file that is moved, and a disk that is full',
      'garbage, floods and slow readers on the control socket disturb nothing',
      'status and health tell each state by their status',
      'wait ends when ready, when given up, and in time',
      'SIGUSR1 opens no inspector',
    ],
  },
];

/** Rows that no test can show on this machine, and why. */
const MANUAL: Readonly<Record<number, string>> = {};

export const ROWS: readonly FaultRow[] = CHAPTERS.flatMap(({ from, rules }) =>
  rules.map((rule, index) => {
    const manual = MANUAL[from + index];
    return { number: from + index, rule, ...(manual === undefined ? {} : { manual }) };
  }),
);

/** The rows that a test's name claims to show: `faults 60, 61: …` → 60 and 61. */
export function rowsOf(testName: string): number[] {
  const claim = /^faults? ((?:\d+(?:-\d+)?(?:, | and )?)+):/.exec(testName)?.[1];
  return (claim?.split(/, | and /) ?? []).flatMap((part) => {
    const [first = 0, last = first] = part.split('-').map(Number);
    return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
  });
}
