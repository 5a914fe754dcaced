import { inDialogMethods } from './in-dialog.ts';
import { invite } from './invite.ts';
import { message } from './message.ts';
import type { MethodSpec } from './method.ts';
import { options } from './options.ts';
import { publish } from './publish.ts';
import { register } from './register.ts';
import { subscribe } from './subscribe.ts';

/** Every method that this server takes. Allow, 405 and the answer to OPTIONS follow from it. */
export const METHOD_SPECS: readonly MethodSpec[] = [
  invite,
  register,
  options,
  message,
  subscribe,
  publish,
  ...inDialogMethods,
];

const BY_NAME: ReadonlyMap<string, MethodSpec> = new Map(METHOD_SPECS.map((spec) => [spec.name, spec]));

export function methodSpec(name: string): MethodSpec | undefined {
  return BY_NAME.get(name);
}

/** The value of Allow. ACK and CANCEL are the transaction layer's; it has no table to say so. */
export const ALLOW = ['ACK', 'CANCEL', ...METHOD_SPECS.map((spec) => spec.name)].join(', ');
