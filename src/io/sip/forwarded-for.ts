/** Who is at the other end when a reverse proxy of our own stands between: the header X-Forwarded-For. */
import { canonicalAddress, parseEndpoint, sameAddress } from '../../wire/ip-address.ts';

/**
 * The last address in the list that is not itself a trusted proxy: what stands before it the client may have written.
 * Undefined: the peer itself, since it is no trusted proxy, or says nothing that can be read.
 *
 * @param header `203.0.113.9, 10.0.0.2`: each proxy appends whom it was asked by
 */
export function forwardedFor(header: string | undefined, peer: string, trusted: readonly string[]): string | undefined {
  const isTrusted = (address: string): boolean => trusted.some((proxy) => sameAddress(proxy, address));
  if (header === undefined || !isTrusted(peer)) {
    return undefined;
  }
  let client: string | undefined;
  for (const entry of header.split(',').reverse()) {
    const address = addressIn(entry.trim());
    if (address === undefined) {
      return client;
    }
    client = address;
    if (!isTrusted(address)) {
      return client;
    }
  }
  return client;
}

/** Some proxies tell the port as well. */
function addressIn(entry: string): string | undefined {
  return canonicalAddress(parseEndpoint(entry)?.address ?? entry.replace(/^\[(.*)\]$/, '$1'));
}
