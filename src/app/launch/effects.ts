/** The supervisor's effects, executed: `supervisor/` says when, this file says who does it. */
import type { SupervisorEffect, SupervisorEvent } from '../../supervisor/events.ts';
import type { Failure } from '../../supervisor/state.ts';
import { assertNever } from '../../wire/assert-never.ts';
import type { Asking } from './asking.ts';
import type { Configuration } from './configuration.ts';
import type { Reports } from './reports.ts';
import type { Services } from './services.ts';

/** Those who do it. */
export interface Executors {
  readonly services: Services;
  readonly reports: Reports;
  readonly configuration: Configuration;
  /** @throws Error before the configuration was read; the supervisor asks nothing then */
  asking(): Asking;
  post(event: SupervisorEvent): void;
  loadConfig(): void;
  announce(): void;
  end(exitCode: number, failure: Failure | undefined): void;
}

export function execute(effect: SupervisorEffect, executors: Executors): void {
  const { services, reports, configuration } = executors;
  switch (effect.kind) {
    case 'load-config':
      executors.loadConfig();
      break;
    case 'probe-relay':
      void executors.asking().probe(effect.generation);
      break;
    case 'claim-control':
      services.claimControl(effect.generation);
      break;
    case 'release-control':
      services.releaseControl();
      break;
    case 'spawn':
      services.spawn(effect.service, effect.generation);
      break;
    case 'check':
      void executors.asking().check(effect);
      break;
    case 'prove-media':
      void executors.asking().proveMedia(effect.generation);
      break;
    case 'check-media':
      void executors.asking().checkMedia(effect.generation);
      break;
    case 'inspect':
      reports.note(
        'warn',
        { event: 'comp.snapshot', ...services.inspect(effect.service) },
        'the process that hangs, as it is seen from outside',
      );
      break;
    case 'tell-relay-up':
      services.tell('ims', { kind: 'relay-up', epoch: effect.epoch });
      break;
    case 'run-relay-hook':
      services.runRelayHook();
      break;
    case 'purge-relay':
      executors.asking().purge();
      break;
    case 'roll-back':
      configuration.rollBack(effect.service);
      break;
    case 'drain':
      services.drain(effect.service);
      break;
    case 'request-stop':
      services.requestStop(effect.service);
      break;
    case 'term-rest':
      services.terminateRest(effect.service);
      break;
    case 'kill-group':
      services.kill(effect.service);
      break;
    case 'kill-strays':
      services.killStraysOf(effect.service, effect.generation);
      break;
    case 'kill-everything':
      services.killAll();
      services.killStrays();
      break;
    case 'sweep':
      setImmediate(() => executors.post({ kind: 'swept', found: services.killStrays() }));
      break;
    case 'announce':
      executors.announce();
      break;
    case 'report':
      reports.report(effect);
      break;
    case 'exit':
      executors.end(effect.exitCode, effect.failure);
      break;
    default:
      assertNever(effect);
  }
}
