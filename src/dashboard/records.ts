/** Call records: searched by the page, downloaded as CSV. */
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { CdrQuery } from '../store/cdr-search.ts';
import type { DashboardSubject } from './subject.ts';

const SHOWN = 200;
const DOWNLOADED = 50_000;
const LONGEST_TEXT = 200;

/** A search reads a whole file of a day: more of them at a time wait for nothing but each other. */
const MOST_SEARCHES = 4;

interface Asked {
  readonly Querystring: { readonly day?: unknown; readonly text?: unknown; readonly cause?: unknown };
}

export function routeRecords(app: FastifyInstance, subject: DashboardSubject): void {
  let searches = 0;
  const search = async (
    reply: FastifyReply,
    asked: Asked['Querystring'],
    limit: number,
    run: (query: CdrQuery) => Promise<unknown>,
  ): Promise<unknown> => {
    const query = readQuery(asked, limit);
    if (query === undefined) {
      return reply.code(400).send({ error: 'a day is YYYY-MM-DD, a cause 1 to 127, a text no longer than 200' });
    }
    if (searches >= MOST_SEARCHES) {
      return reply.code(503).header('retry-after', '1').send({ error: 'others search at this moment' });
    }
    searches += 1;
    try {
      return await run(query);
    } finally {
      searches -= 1;
    }
  };
  app.get<Asked>('/api/records', (request, reply) =>
    search(reply, request.query, SHOWN, (query) => subject.records(query)),
  );
  app.get<Asked>('/api/records.csv', (request, reply) =>
    search(reply, request.query, DOWNLOADED, async (query) => {
      const text = await subject.recordsCsv(query);
      return reply
        .type('text/csv; charset=utf-8')
        .header('content-disposition', `attachment; filename="calls-${query.day}.csv"`)
        .send(text);
    }),
  );
}

function readQuery({ day, text = '', cause = '' }: Asked['Querystring'], limit: number): CdrQuery | undefined {
  const isDay = typeof day === 'string' && /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/.test(day);
  const isText = typeof text === 'string' && text.length <= LONGEST_TEXT;
  const number = cause === '' ? undefined : Number(cause);
  const isCause = number === undefined || (Number.isInteger(number) && number >= 1 && number <= 127);
  return isDay && isText && isCause ? { day, text: text.trim(), cause: number, limit } : undefined;
}
