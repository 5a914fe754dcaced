/** `ims-launch trace`: the SIP messages of a call as a ladder. */
import { Command } from 'commander';
import type { TracedMessage } from '../sip/message/traced-message.ts';
import { formatLadder } from './ladder.ts';
import { ask, requireLauncher } from './launcher-client.ts';
import { visible } from './visible.ts';

interface Options {
  readonly config?: string;
  readonly call?: string;
  readonly full?: boolean;
  readonly json?: boolean;
}

export function traceCommand(): Command {
  return new Command('trace')
    .description('the last SIP messages of ims-server as a ladder; passwords and keys are masked')
    .option('-c, --config <path>', 'configuration file of the launcher (default: config/config.json)')
    .option('--call <id>', 'of one call only: a Call-ID of either leg, or the id of its record')
    .option('--full', 'the messages themselves below the ladder')
    .option('--json', 'one JSON object a message')
    .action(trace);
}

async function trace({ config, call, full, json }: Options): Promise<void> {
  const client = await requireLauncher(config);
  try {
    const messages = (await ask(client, { verb: 'trace', call })) as readonly TracedMessage[];
    if (messages.length === 0) {
      const reason = 'older ones are forgotten (ims.traceMessages says how many are kept)';
      process.stderr.write(`no SIP message ${call === undefined ? 'yet' : `of a call ${visible(call)}; ${reason}`}\n`);
      process.exitCode = call === undefined ? 0 : 1;
    } else if (json === true) {
      process.stdout.write(messages.map((message) => `${JSON.stringify(message)}\n`).join(''));
    } else {
      process.stdout.write(formatLadder(messages));
      process.stdout.write(full === true ? messages.map(formatMessage).join('') : '');
    }
  } finally {
    client.close();
  }
}

function formatMessage({ at, direction, transport, local, remote, text }: TracedMessage): string {
  const [from, to] = direction === 'sent' ? [local, remote] : [remote, local];
  const lines = text.split(/\r?\n/).map((line) => `  ${visible(line)}\n`);
  return `\n${new Date(at).toISOString()} ${transport} ${visible(from)} → ${visible(to)}\n${lines.join('')}`;
}
