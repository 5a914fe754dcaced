/**
 * `npm run fuzz [-- --commands 1000000 --seed 1 --transport udp …]`: mutated commands to the shipped ims-relay, over each
 * transport. It fails when the relay ends or hangs, loses a port, a descriptor or a session, or grows. The seed decides
 * which commands come in which order.
 */
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { createScope } from '../../test/support/scope.ts';
import { TRANSPORTS, type Transport } from './conversation.ts';
import { fuzz, mib } from './run.ts';

async function main(): Promise<void> {
  const { commands, seed, transports } = readArguments();
  console.log(
    `fuzz: ${commands} commands over each of ${transports.join(', ')}; seed ${seed} ` +
      `(again: npm run fuzz -- --commands ${commands} --seed ${seed})`,
  );
  for (const transport of transports) {
    await fuzzOne(transport, commands, seed);
  }
}

async function fuzzOne(transport: Transport, commands: number, seed: number): Promise<void> {
  const { scope, close } = createScope();
  try {
    const { seconds, succeeded, sessions, before, warm, after } = await fuzz(scope, transport, commands, seed);
    const rate = Math.round(commands / seconds);
    console.log(
      `${transport}: ${commands} commands in ${seconds.toFixed(0)} s (${rate}/s), ${succeeded} succeeded, ${sessions} sessions; descriptors ` +
        `${before.descriptors} → ${after.descriptors}, UDP ports ${before.udpPorts} → ${after.udpPorts}, ` +
        `RSS ${mib(warm.memoryBytes)} → ${mib(after.memoryBytes)} MiB`,
    );
  } catch (error) {
    console.error(`FAILED: ${(error as Error).message}`);
    process.exitCode = 1;
  } finally {
    await close();
  }
}

function readArguments(): { commands: number; seed: number; transports: readonly Transport[] } {
  const { values } = parseArgs({
    options: {
      commands: { type: 'string', default: '1000000' },
      seed: { type: 'string' },
      transport: { type: 'string', multiple: true },
    },
  });
  const commands = Number(values.commands);
  const seed = values.seed === undefined ? randomInt(2 ** 31) : Number(values.seed);
  const wanted = values.transport ?? TRANSPORTS;
  const transports = TRANSPORTS.filter((transport) => wanted.includes(transport));
  if (!Number.isInteger(commands) || commands < 1 || !Number.isInteger(seed) || transports.length !== wanted.length) {
    throw new Error(`--commands and --seed take whole numbers, --transport one of ${TRANSPORTS.join(', ')}`);
  }
  return { commands, seed, transports };
}

await main();
