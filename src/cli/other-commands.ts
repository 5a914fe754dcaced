import type { Command } from 'commander';
import { controlCommands } from './control.ts';
import { initCommand } from './init.ts';
import { systemdCommand } from './systemd.ts';
import { verifyCommand } from './verify.ts';

/** All but `start`. */
export function otherCommands(): Command[] {
  return [initCommand(), verifyCommand(), systemdCommand(), ...controlCommands()];
}
