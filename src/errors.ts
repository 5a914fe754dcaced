/**
 * Every mistake of an operator that one of the three programs can name: a stable code, the exit status
 * (sysexits.h where it has one) and what to do about it. The README's table is generated from this one.
 */
export const ERRORS = {
  IMS_ERR_USAGE: { exitCode: 64, remedy: 'Run the command with --help to see what it takes.' },
  IMS_ERR_CONFIG_SYNTAX: {
    exitCode: 78,
    remedy: 'Mend the JSON at the place named; a JSON editor that knows config/config.schema.json helps.',
  },
  IMS_ERR_CONFIG_MISSING: {
    exitCode: 78,
    remedy: 'Create the file, or leave --config out to start with the defaults.',
  },
  IMS_ERR_CONFIG_INVALID: {
    exitCode: 78,
    remedy: 'Correct the key named; the table of options in the README gives each range and unit.',
  },
  IMS_ERR_ADDRESS: {
    exitCode: 78,
    remedy:
      'Set SERVER_ADDR (or the environment variable SERVER_IP) to AUTO_DETECT, an IP address or a name that resolves.',
  },
  IMS_ERR_PORT_IN_USE: {
    exitCode: 69,
    remedy: 'Stop the program named, or choose another port.',
  },
  IMS_ERR_BIND: {
    exitCode: 69,
    remedy: 'Use an address of this machine ("ip addr" lists them) and a port that this user may bind.',
  },
  IMS_ERR_CONTROL_OPEN: {
    exitCode: 78,
    remedy:
      'Bind it to 127.0.0.1, ::1 or a unix socket, or say who may command: --control-from (relay.controlFrom) takes addresses, prefixes such as 10.0.0.0/8, or any.',
  },
  IMS_ERR_RELAY_FOREIGN: {
    exitCode: 69,
    remedy: 'Something that is not an RTPP relay holds the control port: stop it, or set relay.port to another port.',
  },
  IMS_ERR_RELAY_SILENT: {
    exitCode: 69,
    remedy:
      'A program holds the control port and does not answer: restart or stop it; ims-launch never starts a second one beside it.',
  },
  IMS_ERR_RELAY_UNAVAILABLE: {
    exitCode: 69,
    remedy:
      'Start the relay, or unset RTPPROXY_AUTO_START so that ims-launch starts one; if it did, the message says what that one lacks.',
  },
  IMS_ERR_RELAY_ADDRESS: {
    exitCode: 78,
    remedy:
      'Name the relay’s control socket by an IP address or a name that resolves: relay.host and relay.port, or --target.',
  },
  IMS_ERR_VERIFY_FAILED: {
    exitCode: 1,
    remedy: 'The table shows which direction is dead; the README has the causes under "no audio".',
  },
  IMS_ERR_VERIFY_NO_RELAY: {
    exitCode: 1,
    remedy:
      'Start one with "ims-launch", or name the control socket of another with --target (udp:HOST:PORT, unix:PATH, …).',
  },
  IMS_ERR_LOCKED: {
    exitCode: 75,
    remedy: 'Another ims-launch already runs with this configuration; stop it first.',
  },
  IMS_ERR_FILE_EXISTS: {
    exitCode: 73,
    remedy: 'Name another file, or move that one away first.',
  },
  IMS_ERR_FILE_WRITE: {
    exitCode: 73,
    remedy: 'Name a file in a directory that this user may write to.',
  },
  IMS_ERR_PID_FILE: {
    exitCode: 73,
    remedy: 'Name a file in a directory that this user may write to: --pidfile.',
  },
  IMS_ERR_NOT_RUNNING: {
    exitCode: 3,
    remedy: 'Start it with "ims-launch", or name its configuration file with --config.',
  },
  IMS_ERR_NO_ANSWER: {
    exitCode: 4,
    remedy: 'Its log may say why; "kill -9" and the process id named ends it all the same.',
  },
  IMS_ERR_CONTROL_REFUSED: { exitCode: 1, remedy: '"ims-launch status" shows the state of the system.' },
  IMS_ERR_NO_SUCH_CALL: {
    exitCode: 1,
    remedy: '"ims-launch calls --json" tells the Call-IDs of the calls there are.',
  },
  IMS_ERR_WAIT_TIMEOUT: { exitCode: 2, remedy: '"ims-launch status" shows what it waits for.' },
  IMS_ERR_COMMAND_NOT_FOUND: {
    exitCode: 127,
    remedy: 'Check the first word of the command: it must be a file or be found in PATH.',
  },
  IMS_ERR_COMMAND_NOT_EXECUTABLE: {
    exitCode: 126,
    remedy: 'Make the file executable (chmod +x), or name the interpreter as the first word of the command.',
  },
  IMS_ERR_COMMAND_CWD: { exitCode: 78, remedy: 'Create the directory that "cwd" names, or correct it.' },
  IMS_ERR_IMS_FAILED: {
    exitCode: 70,
    remedy: 'The last lines of the IMS say why it ended; ims.command names what is started.',
  },
  IMS_ERR_DAEMONISED: {
    exitCode: 78,
    remedy: 'Keep the command in the foreground: "kamailio -DD -E", "opensips -F", "rtpproxy -f".',
  },
  IMS_ERR_STOP_FORCED: {
    exitCode: 71,
    remedy: 'The log names what was killed: give it more time (supervisor.stopBudgetMs), or leave --strict-stop out.',
  },
  IMS_ERR_INTERNAL: {
    exitCode: 70,
    remedy: 'This is a bug in ims-launch: please report it with the lines above.',
  },
} as const satisfies Record<string, { exitCode: number; remedy: string }>;

export type ErrorCode = keyof typeof ERRORS;

/** An operator's mistake or a condition only the operator can change. The CLI prints it without a stack. */
export class ImsError extends Error {
  override readonly name = 'ImsError';
  readonly code: ErrorCode;

  /** `message` says what happened, with the value that was met; the remedy comes from the table. */
  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }

  get exitCode(): number {
    return ERRORS[this.code].exitCode;
  }

  get remedy(): string {
    return ERRORS[this.code].remedy;
  }
}
