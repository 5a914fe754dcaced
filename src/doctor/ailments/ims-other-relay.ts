import type { Ailment } from '../ailment.ts';
import { launch, quote } from '../commands.ts';
import { nameProcess } from '../facts/holder.ts';

export const imsOtherRelay: Ailment = {
  code: 'ims-other-relay',
  area: 'ims',
  severity: 'breaks',
  symptom: 'no audio both ways, and `verify` is fine on the server',
  cause: 'the IMS was told another relay (`RTPPROXY_UDP_PORT`, `rtpproxy_sock`) than the one that runs',
  remedy: 'start the IMS by `npx ims-launch`, which tells it; or mend its configuration',
  diagnose: (facts) => {
    const { ims, relay } = facts;
    const { told, owner } = ims;
    if (told === undefined || owner === undefined || (told.port === relay.port && isSameHost(told.host, relay.host))) {
      return undefined;
    }
    const isFile = told.where.startsWith('/');
    return {
      evidence: `the IMS, ${nameProcess(owner)}, uses the relay at ${told.host}:${told.port} (${told.where}); the configuration names ${relay.control}`,
      fix: isFile
        ? `sed -i 's/${told.host}:${told.port}/${relay.control}/' ${quote(told.where)} && kill ${owner.pid}`
        : `kill ${owner.pid}; ${launch(facts)}`,
    };
  },
};

function isSameHost(told: string, configured: string): boolean {
  const loopback = (host: string): string => (host === 'localhost' ? '127.0.0.1' : host);
  return loopback(told) === loopback(configured);
}
