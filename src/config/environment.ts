import { flagEnvironment, type LoadedConfig } from './load.ts';

/**
 * What a child is told through its environment: the resolved address, where the relay is, and every value that
 * a flag of ours set. `RTPPROXY_AUTO_START=0` keeps an IMS that could start a relay itself from doing so.
 */
export function childEnvironment(loaded: LoadedConfig, advertised: string): Record<string, string> {
  const { relay } = loaded.config;
  return {
    ...flagEnvironment(loaded.flags),
    SERVER_IP: advertised,
    IMS_LAUNCH_SERVER_ADDR: advertised,
    RTPPROXY_AUTO_START: '0',
    RTPPROXY_UDP_HOST: relay.host,
    RTPPROXY_UDP_PORT: String(relay.port),
  };
}
