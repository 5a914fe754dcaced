import type { Ailment } from '../ailment.ts';

/** What NTP slews in a long run stays below; milliseconds. */
const JUMP_MS = 2000;
/** Slewing is at most 500 ppm (ntpd), and we are generous. */
const SLEW = 0.001;

export const clockJump: Ailment = {
  code: 'clock-jump',
  area: 'system',
  severity: 'warns',
  symptom: 'registrations end early or late, CDRs have impossible times',
  cause: 'the clock on the wall was set by hand or by a first NTP contact, or the machine slept',
  remedy: 'let `chrony` or `systemd-timesyncd` keep the time, and start after it is set',
  diagnose: ({ launcher, system }) => {
    if (Math.abs(system.clockJumpMs) > JUMP_MS) {
      return { evidence: `the clock was set by ${seconds(system.clockJumpMs)} while this check ran`, fix: FIX };
    }
    if (launcher.kind !== 'running' || launcher.startedTime === undefined) {
      return undefined;
    }
    const jumpMs = launcher.toldTime - launcher.startedTime - launcher.uptimeMs;
    return Math.abs(jumpMs) > JUMP_MS + launcher.uptimeMs * SLEW
      ? {
          evidence: `the clock was set by ${seconds(jumpMs)} since ims-launch (process ${launcher.pid}) was started`,
          fix: FIX,
        }
      : undefined;
  },
};

const FIX = 'timedatectl set-ntp true; timedatectl';

/** `+3600.0 s` */
function seconds(ms: number): string {
  return `${ms > 0 ? '+' : ''}${(ms / 1000).toFixed(1)} s`;
}
