/**
 * The TypeScript API: the parts that are useful inside another program. Everything here opens real sockets;
 * `close()` is idempotent and leaves nothing behind.
 */
export { type MediaProbeOptions, proveMedia, QUICK_PROOF, THOROUGH_PROOF } from './app/media/probe.ts';
export type { AdvertisedProof, DirectionProof, MediaProof, ProofParty } from './app/media/proof.ts';
export { createRelay, type RelayConfig, type RunningRelay } from './app/relay/relay.ts';
export { createServer, type RunningServer, type ServerConfig } from './app/server/server.ts';
export { type ConfigSources, type LoadedConfig, loadConfig } from './config/load.ts';
export type { Config } from './config/schema.ts';
export { ERRORS, type ErrorCode, ImsError } from './errors.ts';
export { openRtppClient, type RtppClient, type RtppClientTarget } from './io/rtpp-client-driver.ts';
export { resolveServerAddress, type ServerAddress } from './io/server-address.ts';
export type { Log } from './observe/log.ts';
