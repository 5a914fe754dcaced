/**
 * A message for people and for files that leave the host: as it was, but for what would open a door. Passwords never
 * travel, but a digest can be guessed at, keys of SRTP open the media, and the text of a MESSAGE is the users' own.
 */

const MASK = '***';

/** Digest fields (RFC 7616 3.4) that a password could be guessed from, also on the lines of a folded header. */
const DIGEST =
  /^((?:Proxy-)?Authorization|Authentication-Info|Proxy-Authentication-Info)(\s*:\s*)(.*(?:\r?\n[ \t].*)*)$/gim;
const DIGEST_FIELD = /\b(response|cnonce|rspauth|nonce|nextnonce)(\s*=\s*)("[^"]*"|[^,\s]+)/gi;
/** Keys of SRTP (RFC 4568) and the password of ICE (RFC 8839). */
const SDP_SECRETS = /^(a=(?:crypto:\s*\d+\s+\S+|ice-pwd)[ :]).*$/gim;

/** @param text a whole message */
export function maskSecrets(text: string): string {
  const end = headEnd(text, /^[\r\n]*/.exec(text)?.[0].length ?? 0);
  const head = text.slice(0, end).replace(DIGEST, (_line, name: string, colon: string, value: string) => {
    // Another scheme's credentials are not understood, so none of them is shown.
    const isDigest = /^Digest\s/i.test(value);
    return name + colon + (isDigest ? value.replace(DIGEST_FIELD, (_all, field: string) => `${field}=${MASK}`) : MASK);
  });
  const body = text.slice(end);
  if (/^[\r\n]*MESSAGE\s/.test(text) && body.trim() !== '') {
    return `${head}\r\n\r\n${MASK}`;
  }
  return head + body.replace(SDP_SECRETS, (_line, start: string) => start + MASK);
}

/** Where the empty line is; those before `start` are no end of anything (RFC 3261 7.5). */
function headEnd(text: string, start: number): number {
  const match = /\r?\n\r?\n/.exec(text.slice(start));
  return match === null ? text.length : start + match.index;
}
