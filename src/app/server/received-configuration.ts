/** Apart from `supervisor-link.ts`: the relay has no configuration file. */
import type { Config } from '../../config/schema.ts';
import { ImsError } from '../../errors.ts';
import type { ServerAddress } from '../../io/server-address.ts';
import type { ConfigMessage, SupervisorMessage } from '../../observe/ipc.ts';
import { onSupervisorGone } from '../supervisor-link.ts';

/** How long a child waits for its configuration, milliseconds: the supervisor sends it right after the start. */
const CONFIGURATION_LIMIT_MS = 10_000;

export interface ReceivedConfiguration {
  readonly config: Config;
  readonly address: ServerAddress;
}

/** From the same package, checked there: loading the validator again would double the time of a restart. */
export function checkedConfiguration({ config, address }: ConfigMessage): ReceivedConfiguration {
  return { config: config as Config, address: address as ServerAddress };
}

/**
 * The configuration as the supervisor checked it, so that a file that was changed since cannot stop a restart.
 *
 * @throws ImsError when none comes
 */
export function receiveConfiguration(): Promise<ReceivedConfiguration> {
  return new Promise((resolve, reject) => {
    const finish = (): void => {
      clearTimeout(timer);
      releaseGone();
      process.off('message', take);
    };
    const refuse = (sentence: string): void => {
      finish();
      reject(new ImsError('IMS_ERR_INTERNAL', sentence));
    };
    const take = (message: SupervisorMessage): void => {
      if (message?.kind === 'config') {
        finish();
        resolve(checkedConfiguration(message));
      }
    };
    const timer = setTimeout(() => refuse('ims-launch sent no configuration'), CONFIGURATION_LIMIT_MS);
    const releaseGone = onSupervisorGone(() => refuse('ims-launch was gone before it sent the configuration'));
    process.on('message', take);
  });
}
