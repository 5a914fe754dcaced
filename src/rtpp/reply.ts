/** Replies: what a relay writes and what a client reads. */
import { type AddressFamily, isPort, type TransportAddress } from '../wire/ip-address.ts';
import { err, ok, type ParseError, type Result } from '../wire/result.ts';

/** Cookie, blank and LF included; a longer reply to `G` or `Q` is refused with E25 or E26. */
export const MAX_REPLY_BYTES = 1024;

export type RtppReply =
  | { readonly kind: 'error'; readonly code: number }
  /** A first word that is a number: a port, a version, `0` for success of `D` and failure of `L`. */
  | {
      readonly kind: 'number';
      readonly value: number;
      /** The address after a port; undefined: the relay's own, as the client knows it. */
      readonly address: string | undefined;
      readonly family: AddressFamily;
      /** What the subcommands said: a text, `0` or `-1`. */
      readonly results: readonly string[];
    }
  /** Anything else: `I`, verbose counters, the dialect's `OK`. */
  | { readonly kind: 'text'; readonly text: string; readonly results: readonly string[] };

/** A reply without its cookie; the final LF may be there or not. Empty replies (a bare `G`) are texts. */
export function parseReply(reply: string): Result<RtppReply, ParseError> {
  if (reply.length > 65_535 || reply.includes('\0')) {
    return err({ code: 'bad-reply', offset: 0, section: 'RTPP 1.5' });
  }
  const [main = '', ...results] = reply.replace(/\r?\n$/, '').split(' && ');
  const text = main.trim();
  const code = /^E([0-9]{1,6})$/.exec(text)?.[1];
  if (code !== undefined) {
    return ok({ kind: 'error', code: Number(code) });
  }
  const [number, address, suffix, ...rest] = text.split(/[ \t]+/);
  if (number === undefined || !/^[0-9]{1,15}$/.test(number) || rest.length > 0) {
    return ok({ kind: 'text', text, results });
  }
  const family = suffix?.startsWith('6') === true || address?.includes(':') === true ? 6 : 4;
  return ok({ kind: 'number', value: Number(number), address, family, results });
}

/**
 * The media port that a reply to `U` or `L` grants, or undefined: an error, or `0`, an unknown session.
 * `defaultAddress` stands in for a relay that reports no address because it is bound to all.
 */
export function grantedPort(reply: RtppReply, defaultAddress: string): TransportAddress | undefined {
  if (reply.kind !== 'number' || reply.value === 0 || !isPort(reply.value)) {
    return undefined;
  }
  return { address: reply.address ?? defaultAddress, port: reply.value };
}

/**
 * The reply to `U` and `L`. The address is left out when the leg is bound to all addresses; ` 6` follows the family
 * of the address bound, not of the one advertised.
 */
export function formatPort(port: number, advertised: string | undefined, family: AddressFamily): string {
  if (advertised === undefined) {
    return `${port}`;
  }
  return family === 6 ? `${port} ${advertised} 6` : `${port} ${advertised}`;
}

/**
 * Joins a main reply with what its subcommands said: silent ones (undefined) before one that speaks are spelled
 * `0`, silent ones at the end are left out.
 */
export function joinResults(main: string, results: readonly (string | undefined)[]): string {
  const spoken = results.slice(0, results.findLastIndex((result) => result !== undefined) + 1);
  return [main, ...spoken.map((result) => result ?? '0')].join(' && ');
}
