/** Which transaction a message belongs to: RFC 3261 17.1.3 and 17.2.3. */
import { ownText } from '../../wire/own-text.ts';
import { callId } from '../message/headers/call-id.ts';
import { cseq } from '../message/headers/cseq.ts';
import { from } from '../message/headers/from.ts';
import { hasMagicBranch, via } from '../message/headers/via.ts';
import type { SipRequest, SipResponse } from '../message/message.ts';
import type { TransactionKey } from './effects.ts';

/** A client transaction is named by its branch, which we made, and its method. */
export function clientKey(branch: string, method: string): TransactionKey {
  return `client ${method} ${branch}` as TransactionKey;
}

/** The key of the request that this response answers. */
export function clientKeyOf(response: SipResponse): TransactionKey {
  const branch = response.headers.read(via)?.parameters.get('branch') ?? '';
  return clientKey(branch, response.headers.read(cseq)?.method ?? '');
}

/**
 * The key of the server transaction that a request belongs to. `method` stands for the request's own when an ACK or
 * CANCEL looks for its INVITE. The sent-by counts, since two clients may make the same branch.
 */
export function serverKeyOf(request: SipRequest, method = request.method): TransactionKey {
  const top = request.headers.read(via);
  if (top !== undefined && hasMagicBranch(top)) {
    const sentBy = `${top.host.toLowerCase()}:${top.port ?? ''}`;
    return ownText(`server ${method} ${top.parameters.get('branch')} ${sentBy}`) as TransactionKey;
  }
  return ownText(`server ${method} ${rfc2543Identity(request)}`) as TransactionKey;
}

/** Whether the request comes from an agent that makes no unique branches. */
export function isRfc2543(request: SipRequest): boolean {
  const top = request.headers.read(via);
  return top === undefined || !hasMagicBranch(top);
}

/**
 * Without a unique branch, Request-URI, From tag, Call-ID, CSeq number and top Via identify the transaction. The To tag
 * of an ACK is that of the response and is compared apart. Parts may hold any character: lengths keep them apart.
 */
function rfc2543Identity(request: SipRequest): string {
  const { headers } = request;
  const top = headers.read(via);
  const parts = [
    request.uri,
    headers.read(from)?.parameters.get('tag') ?? '',
    headers.read(callId) ?? '',
    String(headers.read(cseq)?.number ?? ''),
    top === undefined ? '' : via.format({ ...top, parameters: top.parameters.without('received').without('rport') }),
  ];
  return parts.map((part) => `${part.length}:${part}`).join(' ');
}
