/**
 * What environment and flags of a running system have set over its file. They are not those of the shell from which somebody
 * asks after it, so the system tells them.
 */
import { optionCatalogue } from './catalogue.ts';
import { type LoadedConfig, loadConfig } from './load.ts';

export interface Override {
  /** `relay.autoStart` */
  readonly key: string;
  readonly value: unknown;
  /** `environment variable RTPPROXY_AUTO_START` */
  readonly origin: string;
}

/** Neither secrets nor lists: the words of a command may be secrets, too. */
export function overridesOf({ config, origins }: Pick<LoadedConfig, 'config' | 'origins'>): Override[] {
  return optionCatalogue().flatMap(({ key, secret, type }) => {
    const origin = origins.get(key);
    const isTold = origin !== undefined && !secret && type !== 'array' && type !== 'object';
    return isTold ? [{ key, value: valueAt(config, key), origin }] : [];
  });
}

/** The configuration as that system has it. Throws as `loadConfig` does. */
export function loadOverridden(
  sources: { readonly path: string | undefined; readonly cwd: string },
  overrides: readonly Override[],
): LoadedConfig {
  const flags = Object.fromEntries(overrides.map(({ key, value }) => [key, value]));
  const loaded = loadConfig({ ...sources, env: {}, flags });
  return { ...loaded, origins: new Map(overrides.map(({ key, origin }) => [key, origin])) };
}

function valueAt(config: unknown, key: string): unknown {
  return key.split('.').reduce((value, name) => (value as Record<string, unknown> | undefined)?.[name], config);
}
