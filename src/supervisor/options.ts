import { z } from 'zod';

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
} as const;

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
  onSupervisorDeath: z.enum(['kill', 'leave']).default('kill').meta({
    description:
      'What becomes of relay and IMS when ims-launch itself is killed (SIGKILL): a guardian ends them, or they go on until the next start.',
  }),
});

export type SupervisorOptions = z.output<typeof supervisorOptions>;
