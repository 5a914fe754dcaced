/**
 * The language of the control socket: one JSON object a line, requests one way, answers and items the other.
 *
 *     → {"v":1,"id":7,"verb":"restart","service":"ims"}
 *     ← {"v":1,"id":7,"ok":true,"result":{"outcome":"restarting"}}
 *     ← {"v":1,"id":8,"ok":false,"error":{"code":"unknown-verb","message":"…"}}
 *     ← {"v":1,"id":9,"item":{…}}                       any number of them, before the answer
 *
 * `v` may be left out by people with socat. New verbs and new fields keep the version; a changed meaning raises it.
 */
import { err, ok, type Result } from '../wire/result.ts';

export const PROTOCOL_VERSION = 1;

/** Longest request, bytes. */
export const MAX_REQUEST_BYTES = 64 * 1024;

/** Longest time that a request can name, milliseconds: a day. */
const MAX_TIME_MS = 86_400_000;

export type ControlService = 'relay' | 'ims';

/** Chosen by who asks, to tell answers apart. */
export type RequestId = string | number | null;

export type ControlRequest =
  | { readonly verb: 'status' | 'health' | 'stop' | 'kill' | 'reload' | 'bans' | 'calls' }
  /** A Call-ID of either leg, or the id of a call record; without: all that is remembered. */
  | { readonly verb: 'trace'; readonly call: string | undefined }
  /** SIP and media since the last request with the same name, see `app/launch/capture.ts`. */
  | CaptureRequest
  /** Without address: everybody. */
  | { readonly verb: 'unban'; readonly address: string | undefined }
  | { readonly verb: 'restart'; readonly service: ControlService }
  | { readonly verb: 'drain'; readonly limitMs: number | undefined }
  | { readonly verb: 'wait'; readonly for: 'ready'; readonly timeoutMs: number }
  | { readonly verb: 'events'; readonly follow: boolean }
  | { readonly verb: 'logs'; readonly follow: boolean; readonly service: ControlService | undefined };

export interface CaptureRequest {
  readonly verb: 'capture';
  /** Chosen by who asks; the first request begins it, and it ends when none comes for some seconds. */
  readonly capture: string;
  /** As for `trace`, or what the relay calls it; without: all. */
  readonly call: string | undefined;
  /** Where the SIP of the last answer ended; without: from the beginning of the call. */
  readonly after: number | undefined;
  /** It is over with this answer. */
  readonly end: boolean;
}

export type ControlVerb = ControlRequest['verb'];

export type ControlErrorCode =
  | 'bad-json'
  | 'bad-request'
  | 'unknown-verb'
  | 'unsupported-version'
  | 'too-long'
  | 'too-many'
  /** The order cannot be followed in this state. */
  | 'refused'
  | 'failed'
  | 'timeout'
  | 'internal';

export interface ControlError {
  readonly code: ControlErrorCode;
  readonly message: string;
}

export type ControlAnswer =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly error: ControlError };

/** One line from the server. */
export type ControlMessage = { readonly id: RequestId } & (
  | { readonly kind: 'answer'; readonly answer: ControlAnswer }
  | { readonly kind: 'item'; readonly item: unknown }
);

type JsonObject = Readonly<Record<string, unknown>>;

/** Reads one request. The id comes back even when the rest is wrong, so that the error finds its asker. */
export function parseRequest(line: string): {
  readonly id: RequestId;
  readonly request: Result<ControlRequest, ControlError>;
} {
  const object = parseObject(line);
  if (object === undefined) {
    return { id: null, request: refuse('bad-json', 'a request is one JSON object on one line') };
  }
  const { id, v, verb } = object;
  const requestId = typeof id === 'string' || typeof id === 'number' ? id : null;
  if (v !== undefined && v !== PROTOCOL_VERSION) {
    return {
      id: requestId,
      request: refuse('unsupported-version', `this ims-launch speaks version ${PROTOCOL_VERSION}`),
    };
  }
  const parse = typeof verb === 'string' && Object.hasOwn(PARSERS, verb) ? PARSERS[verb as ControlVerb] : undefined;
  if (parse === undefined) {
    const known = Object.keys(PARSERS).join(', ');
    return { id: requestId, request: refuse('unknown-verb', `"verb" must be one of ${known}`) };
  }
  const known = PARAMETERS[verb as ControlVerb];
  const unknown = Object.keys(object).find((name) => !['id', 'v', 'verb', ...known].includes(name));
  if (unknown !== undefined) {
    // A misspelt limit must not become no limit.
    const takes = known.length === 0 ? 'nothing' : known.join(' and ');
    return { id: requestId, request: refuse('bad-request', `"${verb}" takes ${takes}, not "${unknown}"`) };
  }
  return { id: requestId, request: parse(object) };
}

export function formatRequest(id: RequestId, request: ControlRequest): string {
  return `${JSON.stringify({ v: PROTOCOL_VERSION, id, ...request })}\n`;
}

export function formatAnswer(id: RequestId, answer: ControlAnswer): string {
  return `${JSON.stringify({ v: PROTOCOL_VERSION, id, ...answer })}\n`;
}

export function formatItem(id: RequestId, item: unknown): string {
  return `${JSON.stringify({ v: PROTOCOL_VERSION, id, item })}\n`;
}

/** Reads one line of a server; undefined: it is none of this protocol. */
export function parseMessage(line: string): ControlMessage | undefined {
  const object = parseObject(line);
  if (object?.['v'] !== PROTOCOL_VERSION) {
    return undefined;
  }
  const { id, ok: isOk, result, error, item } = object;
  const requestId = typeof id === 'string' || typeof id === 'number' ? id : null;
  if (isOk === true) {
    return { id: requestId, kind: 'answer', answer: { ok: true, result } };
  }
  if (isOk === false && isObject(error) && typeof error['message'] === 'string') {
    return { id: requestId, kind: 'answer', answer: { ok: false, error: error as unknown as ControlError } };
  }
  return 'item' in object ? { id: requestId, kind: 'item', item } : undefined;
}

/** What a request may have beside id, v and verb. */
const PARAMETERS: Readonly<Record<ControlVerb, readonly string[]>> = {
  status: [],
  health: [],
  stop: [],
  kill: [],
  reload: [],
  restart: ['service'],
  drain: ['limitMs'],
  wait: ['for', 'timeoutMs'],
  events: ['follow'],
  logs: ['follow', 'service'],
  bans: [],
  calls: [],
  trace: ['call'],
  capture: ['capture', 'call', 'after', 'end'],
  unban: ['address'],
};

const PARSERS: Readonly<Record<ControlVerb, (object: JsonObject) => Result<ControlRequest, ControlError>>> = {
  status: () => ok({ verb: 'status' }),
  health: () => ok({ verb: 'health' }),
  stop: () => ok({ verb: 'stop' }),
  kill: () => ok({ verb: 'kill' }),
  reload: () => ok({ verb: 'reload' }),
  restart: ({ service }) =>
    isService(service) ? ok({ verb: 'restart', service }) : refuse('bad-request', '"service" must be "relay" or "ims"'),
  drain: ({ limitMs }) =>
    limitMs === undefined || isTime(limitMs)
      ? ok({ verb: 'drain', limitMs })
      : refuse('bad-request', `"limitMs" must be a number from 0 to ${MAX_TIME_MS}`),
  wait: ({ for: goal = 'ready', timeoutMs = MAX_TIME_MS }) => {
    if (goal !== 'ready') {
      return refuse('bad-request', '"for" must be "ready"');
    }
    return isTime(timeoutMs)
      ? ok({ verb: 'wait', for: goal, timeoutMs })
      : refuse('bad-request', `"timeoutMs" must be a number from 0 to ${MAX_TIME_MS}`);
  },
  events: ({ follow }) => ok({ verb: 'events', follow: follow === true }),
  logs: ({ follow, service }) =>
    service === undefined || isService(service)
      ? ok({ verb: 'logs', follow: follow === true, service })
      : refuse('bad-request', '"service" must be "relay" or "ims", or be left out'),
  bans: () => ok({ verb: 'bans' }),
  calls: () => ok({ verb: 'calls' }),
  trace: ({ call }) =>
    isTextOrNone(call) ? ok({ verb: 'trace', call }) : refuse('bad-request', '"call" must be text, or be left out'),
  capture: ({ capture, call, after, end = false }) => {
    if (typeof capture !== 'string' || !CAPTURE_NAME.test(capture)) {
      return refuse('bad-request', '"capture" must be a name of at most 64 letters, digits and hyphens');
    }
    const isRight =
      isTextOrNone(call) && (after === undefined || Number.isSafeInteger(after)) && typeof end === 'boolean';
    return isRight
      ? ok({ verb: 'capture', capture, call, after: after as number | undefined, end })
      : refuse('bad-request', '"call" must be text, "after" a number, "end" true or false, or be left out');
  },
  unban: ({ address }) =>
    address === undefined || typeof address === 'string'
      ? ok({ verb: 'unban', address })
      : refuse('bad-request', '"address" must be text, or be left out'),
};

function refuse(code: ControlErrorCode, message: string): { readonly ok: false; readonly error: ControlError } {
  return err({ code, message });
}

function parseObject(line: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isService(value: unknown): value is ControlService {
  return value === 'relay' || value === 'ims';
}

const CAPTURE_NAME = /^[A-Za-z0-9-]{1,64}$/;

function isTextOrNone(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string';
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= MAX_TIME_MS;
}
