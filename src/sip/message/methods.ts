/** Methods by the document that defines them. A method is case-sensitive (RFC 3261 7.1); unknown ones are carried. */
export const METHODS = {
  INVITE: 'RFC 3261',
  ACK: 'RFC 3261',
  BYE: 'RFC 3261',
  CANCEL: 'RFC 3261',
  OPTIONS: 'RFC 3261',
  REGISTER: 'RFC 3261',
  PRACK: 'RFC 3262',
  SUBSCRIBE: 'RFC 6665',
  NOTIFY: 'RFC 6665',
  PUBLISH: 'RFC 3903',
  INFO: 'RFC 6086',
  REFER: 'RFC 3515',
  MESSAGE: 'RFC 3428',
  UPDATE: 'RFC 3311',
} as const;

export type Method = keyof typeof METHODS;

export function isKnownMethod(method: string): method is Method {
  return Object.hasOwn(METHODS, method);
}
