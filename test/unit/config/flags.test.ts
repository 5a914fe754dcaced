import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Command } from 'commander';
import { environmentName, optionCatalogue } from '../../../src/config/catalogue.ts';
import { addConfigFlags, configFlagValues } from '../../../src/config/flags.ts';
import { loadConfig } from '../../../src/config/load.ts';

function parse(...argv: string[]): Command {
  return addConfigFlags(new Command()).exitOverride().parse(argv, { from: 'user' });
}

test('flags come back by key path, only those that were given', () => {
  assert.deepEqual(configFlagValues(parse('--min-port', '12000', '--require-relay', '--advertise', '198.51.100.9')), {
    SERVER_ADDR: '198.51.100.9',
    'relay.minPort': '12000',
    'supervisor.requireRelay': true,
  });
  assert.deepEqual(configFlagValues(parse()), {});
});

test('a flag with a bad value is named as the flag', () => {
  const flags = configFlagValues(parse('--sip-port', 'high'));
  assert.throws(() => loadConfig({ env: {}, flags, cwd: '/nonexistent' }), {
    code: 'IMS_ERR_CONFIG_INVALID',
    message: /flag --sip-port must be a whole number, but is "high"/,
  });
});

test('--help names every flag of the schema with its default', () => {
  const help = addConfigFlags(new Command()).helpInformation();
  for (const option of optionCatalogue()) {
    if (option.flag !== undefined) {
      assert.ok(help.includes(option.flag), option.flag);
    }
  }
  assert.match(help, /--min-port <n>[\s\S]*10000/);
});

test('every option has a description, a default or is optional, and its own variable', () => {
  const names = optionCatalogue().flatMap((option) => option.env);
  assert.equal(new Set(names).size, names.length);
  assert.deepEqual(
    optionCatalogue()
      .filter((option) => option.description === '')
      .map((option) => option.key),
    [],
  );
  assert.equal(environmentName('supervisor.stopBudgetMs'), 'IMS_LAUNCH_SUPERVISOR_STOP_BUDGET_MS');
});
