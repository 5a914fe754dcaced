/** The examples of the README: they compile with everything else, run, and are shown there as they are. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { runProgram } from '../support/program.ts';
import { projectRoot } from '../support/project.ts';
import { openScope } from '../support/scope.ts';

test('a relay in another program: test/examples/relay.ts runs to its end', async (t) => {
  const scope = openScope(t);
  const command = [process.execPath, join(projectRoot, 'build', 'test', 'examples', 'relay.js')] as const;
  const { code, output } = await runProgram(scope, { name: 'example', command });
  assert.equal(code, 0, output);
  assert.match(output, /^version \{$/m);
  assert.match(output, /^ +value: 20040107,$/m);
  assert.match(output, /^media passes true$/m);
});

test('the README shows it as it is', async () => {
  const readme = await readFile(join(projectRoot, 'README.md'), 'utf8');
  const example = await readFile(join(projectRoot, 'test', 'examples', 'relay.ts'), 'utf8');
  assert.ok(readme.includes(`\`\`\`ts\n${example}\`\`\`\n`));
});
