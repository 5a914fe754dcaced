/** Finds the launcher that runs with a configuration, from any directory and by the same rules that named its socket. */
import { resolve } from 'node:path';
import { DEFAULT_CONFIG_PATH, loadConfig } from '../config/load.ts';
import type { ControlRequest } from '../control/protocol.ts';
import { ImsError } from '../errors.ts';
import { ControlClient } from '../io/control-client.ts';
import { findSockets, runtimeDirectories } from '../io/runtime-directory.ts';

/** A launcher that lives answers at once; milliseconds. */
const ANSWER_LIMIT_MS = 5000;

/** Undefined: none runs. @throws ImsError IMS_ERR_NO_ANSWER when there is one that cannot be asked */
export async function connectToLauncher(config: string | undefined): Promise<ControlClient | undefined> {
  for (const socket of launcherSockets(config)) {
    try {
      return await ControlClient.connect(socket);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT' && code !== 'ECONNREFUSED') {
        throw new ImsError('IMS_ERR_NO_ANSWER', `the control socket ${socket} cannot be opened (${code})`);
      }
    }
  }
  return undefined;
}

/** Where the launcher of a configuration may listen, the likeliest first. */
export function launcherSockets(config: string | undefined): string[] {
  return findSockets(runtimeDirectories(process.env), configPath(config), controlPort(config));
}

/** @throws ImsError IMS_ERR_NOT_RUNNING */
export async function requireLauncher(config: string | undefined): Promise<ControlClient> {
  const client = await connectToLauncher(config);
  if (client === undefined) {
    throw notRunning(config);
  }
  return client;
}

/** One question that is answered at once. @throws ImsError when it is refused, or not answered */
export async function ask(client: ControlClient, request: ControlRequest): Promise<unknown> {
  const answer = await client.ask(request, { timeoutMs: ANSWER_LIMIT_MS });
  if (answer === 'closed' || answer === 'timeout') {
    const how = answer === 'closed' ? 'closed the connection' : `did not answer within ${ANSWER_LIMIT_MS / 1000} s`;
    throw new ImsError('IMS_ERR_NO_ANSWER', `ims-launch ${how}`);
  }
  if (!answer.ok) {
    throw new ImsError('IMS_ERR_CONTROL_REFUSED', answer.error.message);
  }
  return answer.result;
}

export function notRunning(config: string | undefined): ImsError {
  return new ImsError('IMS_ERR_NOT_RUNNING', `no ims-launch runs with ${configPath(config)}`);
}

function configPath(config: string | undefined): string {
  return resolve(config ?? DEFAULT_CONFIG_PATH);
}

/** Undefined when the file does not serve any more: what runs with it can be stopped all the same. */
function controlPort(config: string | undefined): number | undefined {
  try {
    return loadConfig({ path: config, env: process.env, flags: {}, cwd: process.cwd() }).config.relay.port;
  } catch (error) {
    if (error instanceof ImsError) {
      return undefined;
    }
    throw error;
  }
}
