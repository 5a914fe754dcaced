import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { judgeRows, type Outcome } from '../../faults/outcomes.ts';
import { runProgram } from '../../support/program.ts';
import { projectRoot } from '../../support/project.ts';
import { openScope } from '../../support/scope.ts';

test('the oracle finds what a test leaves behind, kills it, and fails that test’s rows and the run', async (t) => {
  const built = join(projectRoot, 'build', 'test');
  const { code, output } = await runProgram(openScope(t), {
    command: [
      process.execPath,
      ...['--import', join(built, 'faults', 'oracle.js')],
      '--test',
      ...['--test-reporter', join(built, 'faults', 'reporter.js')],
      join(built, 'fixtures', 'leaky-tests.js'),
    ],
  });
  assert.equal(code, 1, output);
  const outcomes = output.split('\n').map((line) => JSON.parse(line) as Outcome);
  assert.deepEqual(
    judgeRows(outcomes)
      .slice(0, 4)
      .map(({ verdict }) => verdict),
    ['passed', 'failed', 'passed', 'failed'],
  );
});
