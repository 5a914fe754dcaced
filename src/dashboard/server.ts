/** The dashboard over HTTP: pages, their data, `/metrics`, `/livez` and `/readyz`. */
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { ImsError } from '../errors.ts';
import type { Log } from '../observe/log.ts';
import { type AdmissionRules, admit, cookieValue, TOKEN_COOKIE } from './admission.ts';
import { loadAssets } from './assets.ts';
import { EventStreams, parsePlaces } from './event-stream.ts';
import { metricsText } from './metrics.ts';
import { routeRecords } from './records.ts';
import type { DashboardSubject } from './subject.ts';

/** Connections at a time; the event streams are among them. */
const MAX_CONNECTIONS = 256;
/** A client that does not finish its request, and one that asks for nothing more; milliseconds. */
const REQUEST_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_MS = 15_000;
/** Nobody posts more than a word. */
const BODY_LIMIT_BYTES = 4096;

/** Of a Call-ID; nobody has a longer one. */
const LONGEST_CALL_ID = 1024;

const HEADERS = {
  // Nothing but our own files; no inline script, no frame, no form.
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
} as const;

export interface DashboardAddress extends AdmissionRules {
  readonly host: string;
  /** 0: the system chooses. */
  readonly port: number;
}

export class DashboardServer {
  readonly #app: FastifyInstance;
  readonly #streams: EventStreams;
  /** `http://127.0.0.1:7780/` */
  readonly url: string;

  private constructor(app: FastifyInstance, streams: EventStreams, url: string) {
    this.#app = app;
    this.#streams = streams;
    this.url = url;
  }

  /** @throws ImsError IMS_ERR_PORT_IN_USE, IMS_ERR_BIND */
  static async open(address: DashboardAddress, subject: DashboardSubject, log: Log): Promise<DashboardServer> {
    const app = fastify({
      bodyLimit: BODY_LIMIT_BYTES,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      forceCloseConnections: true,
    });
    app.server.maxConnections = MAX_CONNECTIONS;
    const streams = new EventStreams();
    guard(app, address);
    route(app, subject, streams);
    app.setErrorHandler((error: Error & { readonly statusCode?: number }, _request, reply) => {
      const status = error.statusCode ?? 500;
      if (status >= 500) {
        log.warn({ err: error }, 'a question to the dashboard failed');
      }
      return reply.code(status).send({ error: status >= 500 ? 'a bug of ours; the log has it' : error.message });
    });
    try {
      const url = await app.listen({ host: address.host, port: address.port });
      return new DashboardServer(app, streams, `${url}/`);
    } catch (cause) {
      await app.close();
      const { code } = cause as NodeJS.ErrnoException;
      const place = `${address.host}:${address.port}`;
      throw code === 'EADDRINUSE'
        ? new ImsError('IMS_ERR_PORT_IN_USE', `the dashboard cannot use ${place}: another program has it`, { cause })
        : new ImsError('IMS_ERR_BIND', `the dashboard cannot use ${place} (${code})`, { cause });
    }
  }

  async close(): Promise<void> {
    this.#streams.close();
    await this.#app.close();
  }
}

/** Before every route, also those that do not exist. */
function guard(app: FastifyInstance, rules: AdmissionRules): void {
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(HEADERS);
    const { host, origin, authorization, cookie } = request.headers;
    const verdict = admit(
      {
        method: request.method,
        path: pathOf(request),
        host,
        origin,
        authorization,
        cookie,
        queryToken: tokenOf(request),
      },
      rules,
    );
    if (verdict.kind === 'refused') {
      return reply.code(verdict.status).send({ error: verdict.reason });
    }
    if (verdict.setCookie) {
      const value = cookieValue(rules.token ?? '');
      reply.header('set-cookie', `${TOKEN_COOKIE}=${value}; Path=/; HttpOnly; SameSite=Strict`);
      // The token does not stay in the address bar or in the history.
      return reply.redirect(pathOf(request), 303);
    }
    return undefined;
  });
}

function route(app: FastifyInstance, subject: DashboardSubject, streams: EventStreams): void {
  for (const [path, { type, body }] of Object.entries(loadAssets())) {
    app.get(path, (_request, reply) => reply.type(type).send(body));
  }
  // It answers, so it lives.
  app.get('/livez', (_request, reply) => reply.type('text/plain').send('ok\n'));
  app.get('/readyz', (_request, reply) => {
    const { verdict } = subject.status();
    return reply
      .code(verdict === 'ready' ? 200 : 503)
      .type('text/plain')
      .send(`${verdict}\n`);
  });
  app.get('/metrics', async (_request, reply) => {
    const { type, text } = await metricsText(subject);
    return reply.type(type).send(text);
  });
  app.get('/api/status', () => subject.status());
  app.get('/api/calls', async (_request, reply) => attempt(reply, 'relay', async () => subject.calls()));
  app.get<{ Querystring: { readonly call?: unknown } }>('/api/ladder', async ({ query: { call } }, reply) =>
    typeof call === 'string' && call !== '' && call.length <= LONGEST_CALL_ID
      ? attempt(reply, 'IMS', async () => subject.ladder(call))
      : reply.code(400).send({ error: 'which call?' }),
  );
  app.post('/api/check', async (_request, reply) => attempt(reply, 'check', async () => subject.check()));
  app.get('/api/registrations', async (_request, reply) => attempt(reply, 'IMS', async () => subject.registrations()));
  routeRecords(app, subject);
  app.get('/api/bans', async (_request, reply) => attempt(reply, 'IMS', async () => subject.bans()));
  app.delete<{ Params: { source: string } }>('/api/bans/:source', async ({ params }, reply) =>
    attempt(reply, 'IMS', async () => ({ lifted: await subject.unban(params.source) })),
  );
  app.post<{ Params: { name: string } }>('/api/services/:name/restart', async ({ params: { name } }, reply) => {
    if (name !== 'relay' && name !== 'ims') {
      return reply.code(404).send({ error: 'there is relay, and there is ims' });
    }
    const refusal = subject.restart(name);
    return refusal === undefined ? { outcome: 'restarting' } : reply.code(409).send({ error: refusal });
  });
  app.get('/api/events', (request, reply) => {
    if (streams.isFull) {
      return reply.code(503).header('retry-after', '5').send({ error: 'too many pages follow already' });
    }
    const after = parsePlaces(request.headers['last-event-id'] as string | undefined);
    reply.hijack();
    reply.raw.writeHead(200, { ...HEADERS, 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' });
    streams.open(reply.raw, { event: subject.events, line: subject.lines }, after);
    return undefined;
  });
}

async function attempt(reply: FastifyReply, who: string, ask: () => Promise<unknown>): Promise<unknown> {
  try {
    return await ask();
  } catch (error) {
    return reply.code(409).send({ error: `the ${who} ${(error as Error).message}` });
  }
}

function pathOf({ url }: FastifyRequest): string {
  return url.split('?', 1)[0] ?? '/';
}

function tokenOf({ url }: FastifyRequest): string | undefined {
  return new URLSearchParams(url.split('?')[1] ?? '').get('token') ?? undefined;
}
