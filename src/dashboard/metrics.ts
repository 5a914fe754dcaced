/**
 * `/metrics`: one row a metric. Names by the conventions of Prometheus: base units, `_total` for what only grows. All
 * values are read when somebody scrapes; nothing is counted here.
 */
import { Counter, Gauge, Registry } from 'prom-client';
import type { ServiceStatus, SystemStatus } from '../control/status.ts';
import type { DashboardSubject } from './subject.ts';

type Value = readonly [labels: Readonly<Record<string, string>>, value: number];

interface MetricRow {
  readonly name: string;
  readonly help: string;
  readonly type: 'gauge' | 'counter';
  readonly labels?: readonly string[];
  readonly read: (status: SystemStatus) => readonly Value[];
}

const SERVICES = ['relay', 'ims'] as const;

export const SYSTEM_METRICS: readonly MetricRow[] = [
  {
    name: 'ims_launch_info',
    help: 'Version of ims-launch; always 1.',
    type: 'gauge',
    labels: ['version'],
    read: ({ version }) => [[{ version }, 1]],
  },
  {
    name: 'ims_launch_ready',
    help: 'Whether a new call would work: 1 or 0.',
    type: 'gauge',
    read: ({ verdict }) => one(Number(verdict === 'ready')),
  },
  {
    name: 'ims_launch_uptime_seconds',
    help: 'Time since ims-launch was started.',
    type: 'gauge',
    read: ({ uptimeMs }) => one(uptimeMs / 1000),
  },
  {
    name: 'ims_launch_config_stale',
    help: 'The configuration file holds something that was refused: 1 or 0.',
    type: 'gauge',
    read: ({ configStale }) => one(Number(configStale)),
  },
  {
    name: 'ims_launch_log_lines_dropped_total',
    help: 'Log lines that did not get to the console or to the file.',
    type: 'counter',
    labels: ['sink'],
    read: ({ log }) => [
      [{ sink: 'console' }, log.dropped],
      [{ sink: 'file' }, log.fileDropped],
    ],
  },
  service('up', 'Whether the service serves: 1 or 0.', 'gauge', ({ state }) =>
    Number(state === 'ready' || state === 'adopted'),
  ),
  service(
    'restarts_total',
    'Processes of the service that came after the first one.',
    'counter',
    ({ restarts }) => restarts,
  ),
  service('uptime_seconds', 'Age of the service’s process.', 'gauge', ({ uptimeMs }) => seconds(uptimeMs)),
  service('active', 'Calls of the IMS, sessions of the relay.', 'gauge', ({ active }) => active),
  service(
    'health_misses',
    'Health questions in a row without an answer.',
    'gauge',
    ({ health }) => health?.misses ?? null,
  ),
  service('health_latency_seconds', 'How long the last answer took.', 'gauge', ({ health }) =>
    seconds(health?.latencyMs),
  ),
  service('event_loop_lag_seconds', 'How late its event loop was at worst of late.', 'gauge', ({ health }) =>
    seconds(health?.loopLagMs),
  ),
  {
    name: 'ims_launch_media_checks_total',
    help: 'Checks of the relay with real RTP that had a result.',
    type: 'counter',
    read: ({ services }) => maybe(services.relay.health?.media?.checks),
  },
  {
    name: 'ims_launch_media_check_misses',
    help: 'Checks in a row in which RTP did not pass through the relay; 0 is well.',
    type: 'gauge',
    read: ({ services }) => maybe(services.relay.health?.media?.misses),
  },
  {
    name: 'ims_launch_media_delay_seconds',
    help: 'One way through the relay, in the last check.',
    type: 'gauge',
    read: ({ services }) => maybe(seconds(services.relay.health?.media?.delayMs)),
  },
  {
    name: 'ims_relay_flows',
    help: 'Legs by the way that their RTP takes: kernel, or why it passes the sockets of the relay.',
    type: 'gauge',
    labels: ['way'],
    read: ({ services }) => Object.entries(services.relay.flows ?? {}).map(([way, count]) => [{ way }, count]),
  },
];

/** Counters of the relay: the name in RTPP’s `G`, the metric, its help. */
export const RELAY_METRICS = [
  ['nsess_created', 'ims_relay_sessions_created_total', 'Sessions ever created.'],
  ['nsess_destroyed', 'ims_relay_sessions_ended_total', 'Sessions ended, for any reason.'],
  ['nsess_timeout', 'ims_relay_sessions_timed_out_total', 'Sessions ended by time-out.'],
  ['nsess_complete', 'ims_relay_sessions_complete_total', 'Sessions whose second leg was opened.'],
  ['nsess_nortp', 'ims_relay_sessions_without_rtp_total', 'Complete sessions that ended without any RTP.'],
  [
    'nsess_owrtp',
    'ims_relay_sessions_one_way_rtp_total',
    'Complete sessions that ended with RTP in one direction only.',
  ],
  ['nsess_contested', 'ims_relay_contested_total', 'Times that two sources claimed to be one party.'],
  ['npkts_rcvd', 'ims_relay_packets_received_total', 'RTP and RTCP packets read on complete sessions.'],
  ['npkts_relayed', 'ims_relay_packets_relayed_total', 'Packets forwarded.'],
  ['npkts_discard', 'ims_relay_packets_discarded_total', 'Packets refused, or without a destination.'],
  ['nrefused_rtp', 'ims_relay_packets_of_strangers_total', 'RTP of sources that are no party of the session.'],
  ['nerrs_media', 'ims_relay_socket_errors_total', 'Sends and receives on media sockets that the system refused.'],
  ['rtpa_nlost', 'ims_relay_rtp_lost_total', 'RTP packets of ended sessions that were lost on the way to the relay.'],
  ['rtpa_nrcvd', 'ims_relay_rtp_received_total', 'RTP packets of ended sessions that arrived.'],
  ['ncmds_rcvd', 'ims_relay_commands_total', 'Commands received.'],
  ['ncmds_errs', 'ims_relay_command_errors_total', 'Commands answered by an error.'],
] as const;

/** The text that Prometheus reads, and its content type. What is not known is left out, not 0. */
export async function metricsText(
  subject: DashboardSubject,
): Promise<{ readonly type: string; readonly text: string }> {
  const counters = await subject.relayCounters(RELAY_METRICS.map(([counter]) => counter));
  const status = subject.status();
  const registry = new Registry();
  for (const { name, help, type, labels = [], read } of SYSTEM_METRICS) {
    const values = read(status);
    if (values.length > 0) {
      const configuration = { name, help, labelNames: [...labels], registers: [registry] };
      const metric = type === 'gauge' ? new Gauge(configuration) : new Counter(configuration);
      for (const [labelled, value] of values) {
        metric.inc(labelled, value);
      }
    }
  }
  for (const [counter, name, help] of RELAY_METRICS) {
    const value = counters?.get(counter);
    if (value !== undefined) {
      new Counter({ name, help, registers: [registry] }).inc(value);
    }
  }
  return { type: registry.contentType, text: await registry.metrics() };
}

function service(
  suffix: string,
  help: string,
  type: MetricRow['type'],
  read: (status: ServiceStatus) => number | null,
): MetricRow {
  return {
    name: `ims_launch_service_${suffix}`,
    help,
    type,
    labels: ['service'],
    read: ({ services }) =>
      SERVICES.flatMap((name) => {
        const value = read(services[name]);
        return value === null ? [] : [[{ service: name }, value] as const];
      }),
  };
}

function one(value: number): readonly Value[] {
  return [[{}, value]];
}

function maybe(value: number | null | undefined): readonly Value[] {
  return value === null || value === undefined ? [] : one(value);
}

function seconds(milliseconds: number | null | undefined): number | null {
  return milliseconds === null || milliseconds === undefined ? null : milliseconds / 1000;
}
