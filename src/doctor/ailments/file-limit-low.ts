import type { Ailment } from '../ailment.ts';

/** Recordings, prompts, libraries: what is open besides the four sockets of each call. */
const OTHER_FILES = 64;

export const fileLimitLow: Ailment = {
  code: 'file-limit-low',
  area: 'system',
  severity: 'warns',
  symptom: 'calls beyond some 250 get 503',
  cause: 'too few files may be open: each call takes four sockets',
  remedy: '`LimitNOFILE=` in the unit, `ulimit -Hn` in a shell, `--ulimit nofile=` in Docker',
  diagnose: ({ relay, system, network: { range } }) => {
    const limit = relay.fileLimit ?? system.fileLimit;
    const wanted = Math.min(range.calls, range.maxCalls) * 4 + OTHER_FILES;
    return limit !== undefined && limit < wanted
      ? {
          evidence: `${limit} files may be open, which is room for ${Math.max(0, Math.floor((limit - OTHER_FILES) / 4))} calls; the media ports have room for ${range.calls}`,
          fix: `ulimit -Hn ${wanted}; ulimit -n ${wanted}  # in a unit: LimitNOFILE=${wanted}; then start again`,
        }
      : undefined;
  },
};
