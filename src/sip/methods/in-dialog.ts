import type { MethodSpec } from './method.ts';

/**
 * Methods that mean something only within a dialog, where the B2BUA passes them on (BYE it answers itself). Outside
 * of one there is nothing that they could be about.
 */
export const inDialogMethods: readonly MethodSpec[] = [
  inDialog('BYE', 'RFC 3261 15'),
  inDialog('PRACK', 'RFC 3262'),
  inDialog('UPDATE', 'RFC 3311'),
  inDialog('INFO', 'RFC 6086'),
  inDialog('REFER', 'RFC 3515'),
  inDialog('NOTIFY', 'RFC 6665'),
];

function inDialog(name: string, rfc: string): MethodSpec {
  return { name, rfc, handle: (server, incoming) => [server.refuse(incoming, 481)] };
}
