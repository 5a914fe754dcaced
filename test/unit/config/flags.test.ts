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

test('a duration may name its unit', () => {
  const startTimeoutMs = (text: string): unknown => {
    const flags = configFlagValues(parse('--relay-timeout', text));
    return loadConfig({ env: {}, flags, cwd: '/nonexistent' }).config.relay.startTimeoutMs;
  };
  assert.deepEqual(['2s', '250ms', '2500', '1m'].map(startTimeoutMs), [2000, 250, 2500, 60_000]);
  for (const wrong of ['2 s', 's', '-2s', '2d', '1.5s']) {
    assert.throws(() => startTimeoutMs(wrong), { code: 'IMS_ERR_CONFIG_INVALID' }, wrong);
  }
  const env = { IMS_LAUNCH_RELAY_TIMEOUT_SECONDS: '2m', IMS_LAUNCH_RELAY_MIN_PORT: '12s' };
  assert.throws(() => loadConfig({ env, flags: {}, cwd: '/nonexistent' }), /RELAY_MIN_PORT must be a whole number/);
  const { config } = loadConfig({ env: { IMS_LAUNCH_RELAY_TIMEOUT_SECONDS: '2m' }, flags: {}, cwd: '/nonexistent' });
  assert.equal(config.relay.timeoutSeconds, 120);
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
