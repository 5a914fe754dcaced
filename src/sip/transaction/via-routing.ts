/** What the top Via has to say about the way back: RFC 3261 18.2 and RFC 3581. */
import { sameAddress } from '../../wire/ip-address.ts';
import { MAGIC_COOKIE, via } from '../message/headers/via.ts';
import type { Headers } from '../message/headers.ts';
import { Parameters } from '../message/parameters.ts';
import { defaultPort, type Flow, isReliable, viaTransport } from './flow.ts';

/**
 * Writes into the top Via of an incoming request where it came from: `received` when the sent-by is another address
 * (RFC 3261 18.2.1), `rport` and `received` when the client asked for them (RFC 3581 4). What the peer claims there
 * itself is replaced.
 */
export function stampTopVia(headers: Headers, flow: Flow): void {
  const top = headers.read(via);
  if (top === undefined) {
    return;
  }
  const asked = top.parameters.has('rport');
  let parameters = top.parameters.without('received');
  if (asked) {
    parameters = parameters.with('rport', String(flow.remote.port));
  }
  if (asked || !sameAddress(top.host, flow.remote.address)) {
    parameters = parameters.with('received', flow.remote.address);
  }
  if (asked || parameters.size !== top.parameters.size || top.parameters.has('received')) {
    headers.replaceFirst('Via', via.format({ ...top, parameters }));
  }
}

/**
 * Where responses to that request go (RFC 3261 18.2.2): over a stream the way they came, or, when its connection is gone,
 * over another one to the port of the sent-by; else to the source address,
 * to the source port if the client asked for it (RFC 3581 4), otherwise to the port of the sent-by. `maddr` is not
 * obeyed: it would let a stranger aim our responses at a third party.
 */
export function responseFlow(headers: Headers, flow: Flow): Flow {
  const top = headers.read(via);
  if (isReliable(flow)) {
    return { ...flow, listens: { address: flow.remote.address, port: top?.port || defaultPort(flow) } };
  }
  if (top === undefined || top.parameters.has('rport')) {
    return flow;
  }
  const port = top.port === 0 ? flow.remote.port : (top.port ?? 5060);
  return port === flow.remote.port ? flow : { ...flow, remote: { address: flow.remote.address, port } };
}

/** Makes our Via, on top already, tell that the request leaves by that flow. The branch stays what it was. */
export function redirectTopVia(headers: Headers, flow: Flow): void {
  const top = headers.read(via);
  if (top !== undefined) {
    const { address: host, port } = flow.sentBy;
    headers.replaceFirst('Via', via.format({ ...top, transport: viaTransport(flow), host, port }));
  }
}

/** Puts our Via on top of a request that leaves by that flow. */
export function pushVia(headers: Headers, flow: Flow, branch: string): void {
  const parameters = new Parameters([
    ['branch', MAGIC_COOKIE + branch],
    ['rport', undefined],
  ]);
  headers.prepend(
    'Via',
    via.format({
      protocol: 'SIP/2.0',
      transport: viaTransport(flow),
      host: flow.sentBy.address,
      port: flow.sentBy.port,
      parameters,
    }),
  );
}
