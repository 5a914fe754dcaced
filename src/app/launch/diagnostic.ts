/** SIGQUIT: what a developer wants to know of a system that misbehaves, in the log, before it stops. */
import type { SystemStatus } from '../../control/status.ts';
import type { LogFields } from '../../observe/log.ts';
import type { Journal } from './journal.ts';

const EVENTS_SHOWN = 20;

export interface DiagnosticSource {
  readonly status: SystemStatus;
  readonly journal: Journal;
  /** What is seen of a service's process from outside. */
  inspect(service: 'relay' | 'ims'): LogFields;
}

/** Lines for the log, all of one event: the state, each service, the last events, oldest first. */
export function diagnosticLines({ status, journal, inspect }: DiagnosticSource): [fields: LogFields, text: string][] {
  const event = 'launch.diagnostic';
  const { phase, verdict, uptimeMs, services } = status;
  // Our own load; how late the children's loops are is in their detail.
  const loopLoad = Math.round(performance.eventLoopUtilization().utilization * 1000) / 1000;
  const { rss: memoryBytes } = process.memoryUsage();
  return [
    [{ event, reason: `${phase}, ${verdict}`, durationMs: uptimeMs, loopLoad, memoryBytes }, 'state of ims-launch'],
    ...(['relay', 'ims'] as const).map((name): [LogFields, string] => {
      const { state, detail, restarts } = services[name];
      const reason = detail === null ? state : `${state}: ${detail}`;
      return [{ event, ...inspect(name), reason, count: restarts }, 'state of a service'];
    }),
    ...journal.events
      .recent()
      .slice(-EVENTS_SHOWN)
      .map(({ seq: _, time, level: __, event: name, sentence, ...fields }): [LogFields, string] => [
        { ...fields, event, reason: `${time} ${name}: ${sentence}` },
        'a recent event',
      ]),
  ];
}
