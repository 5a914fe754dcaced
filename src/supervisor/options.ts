import { z } from 'zod';
import { RESTART_DEFAULTS } from './restart-policy.ts';

/** Signals by which programs let themselves be asked to stop. KILL is not among them: it comes by itself, last. */
const STOP_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const;

/** What every supervised program has: its command and how it is started and stopped. */
export const serviceShape = {
  command: z.array(z.string().min(1)).min(1).optional().meta({
    description: 'Command that runs in place of the built-in program, as a list of words; no shell is involved.',
  }),
  cwd: z.string().min(1).optional().meta({ description: 'Working directory of the command.' }),
  env: z.record(z.string(), z.string()).default({}).meta({
    description: 'Environment variables for the command, in addition to those of ims-launch.',
    secret: true,
  }),
  startTimeoutMs: z.number().int().min(0).max(3_600_000).default(60_000).meta({
    description: 'The program must be ready within this time of its start; 0 waits for ever.',
    unit: 'ms',
  }),
  stopSignal: z.enum(STOP_SIGNALS).default('SIGTERM').meta({
    description: 'Signal that asks the command to stop; one that ignores another signal than TERM gets TERM later.',
  }),
  killMode: z.enum(['mixed', 'group', 'leader']).default('mixed').meta({
    description:
      'Who is asked to stop: the command, then what it left; its whole process group at once; or the command alone. Whoever lives at the end is killed.',
  }),
  stopCommand: z.array(z.string().min(1)).min(1).optional().meta({
    description:
      'Command that asks the program to stop, in place of the signal; its process id is in $MAINPID. If it fails, the signal follows.',
  }),
  restart: z.enum(['always', 'on-failure', 'never']).default('always').meta({
    description:
      'Whether it is started again when it ends by itself; on-failure: not after status 0 or one of successExitCodes.',
  }),
  successExitCodes: z.array(z.number().int().min(0).max(255)).default([]).meta({
    description: 'Exit statuses, beside 0, that are no failure: for restart on-failure, and for what the log says.',
  }),
} as const;

/** What only the IMS has. */
export const imsServiceShape = {
  ...serviceShape,
  onRelayRestart: z.array(z.string().min(1)).min(1).optional().meta({
    description:
      'Command that is run when another relay serves while the IMS lives, for example to enable it again in Kamailio; 5 s at most.',
  }),
  reloadSignal: z.enum(['SIGHUP', 'SIGUSR1', 'SIGUSR2']).optional().meta({
    description: 'Signal that tells ims.command of a change that concerns it (USERS and other keys of the IMS).',
  }),
} as const;

/** How often, and how soon, what ended by itself is started again. */
const restartShape = {
  giveUp: z.enum(['exit', 'park', 'never']).default('exit').meta({
    description:
      'When a service is not to be started again: everything stops; or it rests until "ims-launch restart" and the other goes on; or it is tried for ever, at the longest delay.',
  }),
  strategy: z.enum(['one_for_one', 'rest_for_one', 'one_for_all']).default('one_for_one').meta({
    description:
      'Who is restarted with a service that failed: nobody; the IMS with the relay; or each with the other. An IMS that restarts loses its calls.',
  }),
  restartDelaysMs: z
    .array(z.number().int().min(0).max(3_600_000))
    .min(1)
    .max(32)
    .default([...RESTART_DEFAULTS.delaysMs])
    .meta({
      description:
        'Wait before each restart in a row; the last one repeats. The first is for a service that had been ready for 10 s; the others vary by 20 %.',
      unit: 'ms',
    }),
  stableAfterMs: z.number().int().min(1000).max(86_400_000).default(RESTART_DEFAULTS.stableAfterMs).meta({
    description: 'After being ready for this long, a service that fails begins the delays anew.',
    unit: 'ms',
  }),
  bootAttempts: z.number().int().min(1).max(1000).default(RESTART_DEFAULTS.bootAttempts).meta({
    description: 'Starts granted to a service that has never been ready.',
  }),
  restartBudget: z
    .object({
      restarts: z.number().int().min(0).max(100_000).default(RESTART_DEFAULTS.budget.restarts).meta({
        description: 'Restarts granted to a service that has been ready, within supervisor.restartBudget.windowMs.',
      }),
      windowMs: z.number().int().min(1000).max(86_400_000).default(RESTART_DEFAULTS.budget.windowMs).meta({
        description: 'The time in which supervisor.restartBudget.restarts are counted.',
        unit: 'ms',
      }),
    })
    .prefault({})
    .meta({ description: 'How often a service may fail before it is given up.' }),
} as const;

/** `reload` in config.json: what happens when the file changes while the system runs. */
export const reloadOptions = z.object({
  onAddressChange: z.enum(['live', 'now', 'ignore']).default('live').meta({
    description:
      'SERVER_ADDR changed: new calls use the new address, and ims.command is restarted when no call is in progress (live) or at once (now); ignore keeps the old address.',
  }),
  rollbackOnFailure: z.boolean().default(true).meta({
    description:
      'Go back to the configuration before when a program that was restarted for a change does not become ready.',
  }),
});

/** `supervisor` in config.json. */
export const supervisorOptions = z.object({
  stopBudgetMs: z.number().int().min(1000).max(600_000).default(8500).meta({
    description: 'The whole teardown ends within this time; what still lives then is killed.',
    unit: 'ms',
  }),
  healthIntervalMs: z.number().int().min(200).max(600_000).default(2000).meta({
    description: 'How often the relay’s control socket is asked whether it answers.',
    unit: 'ms',
  }),
  imsHealthIntervalMs: z.number().int().min(200).max(600_000).default(10_000).meta({
    description: 'How often the IMS is asked (SIP OPTIONS) whether it answers.',
    unit: 'ms',
  }),
  imsHealthAction: z.enum(['report', 'restart']).default('report').meta({
    description: 'An IMS that does not answer OPTIONS is reported, or restarted after 30 s; a restart ends its calls.',
  }),
  mediaCheckIntervalMs: z.number().int().min(0).max(3_600_000).default(15_000).meta({
    description: 'How often real RTP is sent through the relay, both ways, to see that it passes; 0 never does.',
    unit: 'ms',
  }),
  mediaCheckOfFound: z.boolean().default(false).meta({
    description: 'Check the media of a relay that somebody else started as well; it is reported, never restarted.',
  }),
  maxDegradedMs: z.number().int().min(0).max(86_400_000).default(60_000).meta({
    description:
      'A relay that passes no media is restarted at once when it holds no sessions, else after this time at the latest.',
    unit: 'ms',
  }),
  heartbeatTimeoutMs: z.number().int().min(5000).max(600_000).default(15_000).meta({
    description: 'ims-relay and ims-server beat every 2 s; one that is silent for this long hangs and is restarted.',
    unit: 'ms',
  }),
  strictStop: z.boolean().default(false).meta({
    description: 'End with 71, not 0, after a stop in which anything had to be killed.',
    flag: '--strict-stop',
  }),
  purgeRelayOnImsExit: z.boolean().default(false).meta({
    description:
      'When the IMS ends, delete all sessions of the relay that was started from here. Only if no other program uses that relay.',
  }),
  drainMaxMs: z.number().int().min(0).max(86_400_000).default(600_000).meta({
    description: 'ims-launch drain: calls in progress may last this long before everything stops.',
    unit: 'ms',
  }),
  pidFile: z.string().min(1).optional().meta({
    description: 'File for the process id and start time of ims-launch.',
    flag: '--pidfile',
  }),
  requireRelay: z.boolean().default(false).meta({
    description: 'Do not start the IMS before a relay answers, even with RTPPROXY_AUTO_START=0.',
    flag: '--require-relay',
  }),
  ...restartShape,
  onSupervisorDeath: z.enum(['kill', 'leave']).default('kill').meta({
    description:
      'What becomes of relay and IMS when ims-launch itself is killed (SIGKILL): a guardian ends them, or they go on until the next start.',
  }),
});

export type SupervisorOptions = z.output<typeof supervisorOptions>;
