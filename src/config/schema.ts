import { z } from 'zod';
import { dashboardOptions } from '../dashboard/options.ts';
import { logLevelOption, logOptions } from '../observe/options.ts';
import { relayOptions } from '../relay/options.ts';
import { signallingShape, sipShape } from '../sip/options.ts';
import { storeShape } from '../store/options.ts';
import { imsServiceShape, reloadOptions, serviceShape, supervisorOptions } from '../supervisor/options.ts';

const imsOptions = z.object({ ...imsServiceShape, ...sipShape });
const relayServiceOptions = z.object({
  ...relayOptions.shape,
  ...serviceShape,
  startTimeoutMs: serviceShape.startTimeoutMs.unwrap().default(10_000).meta({
    description:
      'The relay must have forwarded RTP within this time of its start, or with --require-relay have appeared; 0 waits for ever.',
    unit: 'ms',
    flag: '--relay-timeout',
  }),
});

/** config/config.json. Every key has a default, so the empty object is a valid configuration. */
export const configSchema = z.object({
  SERVER_ADDR: z.string().min(1).default('AUTO_DETECT').meta({
    description:
      'Address that phones are told (SDP, Contact): AUTO_DETECT, an IP address or a host name. It need not be local (NAT).',
    env: 'SERVER_IP',
    flag: '--advertise',
  }),
  FORCE_LOCAL_ADDR: z.boolean().default(false).meta({
    description: 'Advertise and bind 127.0.0.1 whatever SERVER_ADDR says: everything on one machine.',
  }),
  LOG_LEVEL: logLevelOption,
  ...signallingShape,
  ...storeShape,
  relay: relayServiceOptions.prefault({}).meta({ description: 'The media relay.' }),
  ims: imsOptions.prefault({}).meta({ description: 'The IMS.' }),
  reload: reloadOptions.prefault({}).meta({ description: 'Changes while the system runs.' }),
  dashboard: dashboardOptions.prefault({}).meta({ description: 'The dashboard and the metrics.' }),
  log: logOptions.prefault({}).meta({ description: 'The log.' }),
  supervisor: supervisorOptions.prefault({}).meta({ description: 'The supervisor.' }),
});

/** The whole configuration after defaults, environment and flags. */
export type Config = z.output<typeof configSchema>;
