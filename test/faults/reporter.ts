/**
 * A reporter for `node --test`: one line of JSON for each test that claims rows of the fault list. Processes that the
 * oracle found after a test (oracle.ts) make that test a failed one.
 */
import type { Outcome } from './outcomes.ts';
import { rowsOf } from './rows.ts';
import { survivorOf } from './survivor-line.ts';

/** The parts of node's test events that are used here. */
interface TestEvent {
  readonly type: string;
  readonly data?: { readonly name?: string; readonly skip?: boolean | string; readonly message?: string };
}

async function* report(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of source) {
    const outcome = outcomeOf(event);
    if (outcome !== undefined && outcome.rows.length > 0) {
      yield `${JSON.stringify(outcome)}\n`;
    }
  }
}

function outcomeOf({ type, data }: TestEvent): Outcome | undefined {
  const name = data?.name ?? '';
  const skipped = data?.skip !== undefined && data.skip !== false;
  switch (type) {
    case 'test:pass':
      return { rows: rowsOf(name), result: skipped ? 'skipped' : 'passed', name };
    case 'test:fail':
      return { rows: rowsOf(name), result: 'failed', name };
    case 'test:stderr': {
      const survived = survivorOf(data?.message ?? '');
      return survived === undefined ? undefined : { rows: rowsOf(survived), result: 'failed', name: survived };
    }
    default:
      return undefined;
  }
}

// The test runner takes the default export of a reporter's file.
// biome-ignore lint/style/noDefaultExport: see above
export default report;
