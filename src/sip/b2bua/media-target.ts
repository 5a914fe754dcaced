import type { MediaDescription } from '../../sdp/session-description.ts';
import { isConnectionOriented, isHeld } from '../../sdp/session-description.ts';
import { familyOf, isLoopback, isPrivate, isWildcard, sameAddress } from '../../wire/ip-address.ts';
import type { RelayStream } from './media-relay.ts';

/**
 * The streams of a description that the relay carries, each with the address at which to look for the party.
 * `source` is where its signalling came from: behind a NAT the SDP names an address that nobody can reach.
 */
export function relayStreams(media: readonly MediaDescription[], source: string): RelayStream[] {
  return media.flatMap((stream, index) => {
    if (stream.port === 0 || stream.connection === undefined || isConnectionOriented(stream)) {
      return [];
    }
    const address = mediaAddress(stream.connection.address, source);
    return [
      {
        index,
        address,
        family: familyOf(address) ?? stream.connection.family,
        port: stream.port,
        held: isHeld(stream),
      },
    ];
  });
}

/** The address that SDP names, unless it cannot be right as seen from here: then the signalling's source. */
function mediaAddress(named: string, source: string): string {
  if (familyOf(named) === undefined) {
    return source;
  }
  if (isWildcard(named) || sameAddress(named, source) || isLoopback(source)) {
    return named;
  }
  return isPrivate(named) || isLoopback(named) ? source : named;
}
