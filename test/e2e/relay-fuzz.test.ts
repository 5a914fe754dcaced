/** Hostile commands to the shipped ims-relay, a short run of `npm run fuzz`: nothing ends it, nothing is left behind. */
import { test } from 'node:test';
import { TRANSPORTS } from '../../scripts/fuzz/conversation.ts';
import { fuzz, mib } from '../../scripts/fuzz/run.ts';
import { openScope } from '../support/scope.ts';

/** Some seconds each; `npm run fuzz` sends a million. */
const COMMANDS = 1500;
const SEED = 1;

for (const transport of TRANSPORTS) {
  test(`${transport}: mutated commands cost no session, no port and no descriptor`, async (t) => {
    t.diagnostic(`npm run fuzz -- --commands ${COMMANDS} --transport ${transport} --seed ${SEED}`);
    const { succeeded, sessions, after } = await fuzz(openScope(t), transport, COMMANDS, SEED);
    t.diagnostic(`${succeeded} succeeded, ${sessions} sessions, RSS ${mib(after.memoryBytes)} MiB`);
  });
}
