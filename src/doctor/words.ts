/** Words that several findings share. */
import { formatHost } from '../wire/ip-address.ts';
import { nameProcess, type ProcessFacts } from './facts/holder.ts';

export function formatHolder({ address, owner }: { readonly address: string; readonly owner: ProcessFacts }): string {
  return `${formatHost(address)} by ${nameProcess(owner)}`;
}
