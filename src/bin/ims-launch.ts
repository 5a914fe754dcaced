#!/usr/bin/env node
import { runProgram } from '../cli/program.ts';

const INTERRUPTED = 130;

const exitCode = await runProgram(process.argv.slice(2));
if (exitCode === INTERRUPTED && process.pid !== 1 && process.platform !== 'win32') {
  // A shell that runs a script stops it only when its child really died of SIGINT.
  process.removeAllListeners('SIGINT');
  process.kill(process.pid, 'SIGINT');
} else {
  process.exit(exitCode);
}
