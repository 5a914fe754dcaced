import type { Command } from 'commander';
import { callsCommand } from './calls.ts';
import { captureCommand } from './capture/capture.ts';
import { checkCommand } from './check.ts';
import { controlCommands } from './control.ts';
import { initCommand } from './init.ts';
import { systemdCommand } from './systemd.ts';
import { topCommand } from './top/top.ts';
import { traceCommand } from './trace.ts';
import { verifyCommand } from './verify.ts';

/** All but `start`. */
export function otherCommands(): Command[] {
  return [
    initCommand(),
    verifyCommand(),
    checkCommand(),
    systemdCommand(),
    callsCommand(),
    traceCommand(),
    captureCommand(),
    topCommand(),
    ...controlCommands(),
  ];
}
