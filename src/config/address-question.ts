import type { LoadedConfig } from './load.ts';

/** What `resolveServerAddress` has to know, in the shape that it takes. */
export function addressQuestion(loaded: LoadedConfig): {
  serverAddr: string;
  bindAddress: string;
  forceLocal: boolean;
  origin: string;
} {
  return {
    serverAddr: loaded.config.SERVER_ADDR,
    bindAddress: loaded.config.relay.bindAddress,
    forceLocal: loaded.config.FORCE_LOCAL_ADDR,
    origin: loaded.origins.get('SERVER_ADDR') ?? 'SERVER_ADDR in the configuration file',
  };
}
