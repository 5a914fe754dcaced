/** The same relay and the same IMS, kept by three parents: ims-launch, supervisord, and a shell that only starts them. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { choosePlace, configure, type LaunchPlace, startLauncher } from '../../test/support/launcher.ts';
import { Program } from '../../test/support/program.ts';
import { binary } from '../../test/support/project.ts';
import type { Scope } from '../../test/support/scope.ts';
import { bothAnswer } from './answers.ts';

export interface System {
  readonly program: Program;
  readonly place: LaunchPlace;
}

/** A system that has been told to start; who measures waits. */
export type StartSystem = (scope: Scope) => Promise<System>;

export async function startImsLaunch(scope: Scope): Promise<System> {
  const place = await configuredPlace(scope);
  return { place, program: startLauncher(scope, place) };
}

/** The ideal: nothing but the two programs, both at once. */
export async function startShell(scope: Scope): Promise<System> {
  const place = await configuredPlace(scope);
  const words = Object.values(commandsOf(place)).map((command) => command.map(quote).join(' '));
  const script = `${words.map((command) => `${command} & `).join('')}wait`;
  const program = Program.start(scope, { name: 'shell', command: ['/bin/sh', '-c', script], cwd: place.directory });
  return { place, program };
}

/** supervisord with its defaults: a program that dies is started again at once if it had run for a second. */
export async function startSupervisord(scope: Scope): Promise<System> {
  const place = await configuredPlace(scope);
  const { relay, ims } = commandsOf(place);
  const path = join(place.directory, 'supervisord.conf');
  await writeFile(
    path,
    [
      '[supervisord]',
      'nodaemon=true',
      'logfile=supervisord.log',
      'pidfile=supervisord.pid',
      `childlogdir=${place.directory}`,
      '[program:relay]',
      `command=${relay.join(' ')}`,
      'autorestart=true',
      'priority=1',
      '[program:ims]',
      `command=${ims.join(' ')}`,
      'autorestart=true',
      'priority=2',
      '',
    ].join('\n'),
  );
  const program = Program.start(scope, {
    name: 'supervisord',
    command: ['supervisord', '-c', path],
    cwd: place.directory,
  });
  return { place, program };
}

/** Resolves when the system serves: by its own word if it has one, else when both answer. */
export async function untilReady({ program, place }: System): Promise<void> {
  await (program.name === 'ims-launch'
    ? program.waitForLine(/^ims-launch \S+ is ready$/, 60_000)
    : Promise.race([
        bothAnswer(place),
        program.exited.then(() => Promise.reject(new Error(`${program.name} ended:\n${program.output}`))),
      ]));
}

export function pidOf(program: Program, word: string): number {
  const found = program.processes().find(({ command }) => command.includes(word));
  if (found === undefined) {
    throw new Error(`${program.name} has no process ${word}:\n${program.output}`);
  }
  return found.pid;
}

async function configuredPlace(scope: Scope): Promise<LaunchPlace> {
  const place = await choosePlace(scope);
  await configure(place, { LOG_LEVEL: 'WARNING' });
  return place;
}

function commandsOf({ configPath, relayPort, minPort, maxPort }: LaunchPlace) {
  const ports = ['-m', `${minPort}`, '-M', `${maxPort}`];
  return {
    relay: [
      process.execPath,
      binary('ims-relay'),
      ...['-f', '-F', '-l', '127.0.0.1', '-s', `udp:127.0.0.1:${relayPort}`, '-d', 'WARN', ...ports],
    ],
    ims: [process.execPath, binary('ims-server'), '--config', configPath],
  };
}

function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
