/**
 * Whether a web page may open a WebSocket (RFC 6455 10.2). Any page that a browser of the network shows could try, and
 * digest does not stop it where an account has a well-known password.
 */

export interface OriginRules {
  /** Origins as browsers send them, such as `https://phone.example.com`; `*`: all. */
  readonly origins: readonly string[];
  /** Host names and addresses of this server: its own pages may connect. Not what `Host` says, which a page chooses. */
  readonly names: () => readonly string[];
}

/** @param origin of the request; undefined: not a browser, and so nothing that a page could make do things */
export function isOriginAllowed(origin: string | undefined, { origins, names }: OriginRules): boolean {
  if (origin === undefined || origins.includes('*')) {
    return true;
  }
  const url = originUrl(origin);
  if (url === undefined) {
    return false;
  }
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return (
    origins.some((allowed) => originUrl(allowed)?.origin === url.origin) ||
    host === 'localhost' ||
    names().some((name) => name.toLowerCase() === host)
  );
}

/** `null`, of pages without an origin, is none. */
function originUrl(text: string): URL | undefined {
  return text.length <= 512 && URL.canParse(text) ? new URL(text) : undefined;
}
