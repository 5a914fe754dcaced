/** The command line of ims-relay: rtpproxy's options, each with what became of it, and ours. */
import type { OptionSpec } from './getopt.ts';

export interface RelayOption extends OptionSpec {
  readonly name: string;
  readonly placeholder?: string;
  readonly help: string;
  /** Not there: why, and what to do instead. Giving the option is a usage error with this sentence. */
  readonly refused?: string;
}

export const RELAY_OPTIONS = [
  {
    name: 'listen',
    short: 'l',
    argument: 'required',
    placeholder: '[label@]addr[=adv] | addr1/addr2',
    help: 'IPv4 address for media, * for all, AUTO_DETECT for the default route’s; two with / bridge two networks (default *)',
  },
  {
    name: 'listen6',
    short: '6',
    argument: 'required',
    placeholder: '[label@]addr[=adv] | /addr',
    help: 'the same for IPv6; -l a -6 /b bridges IPv4 inside with IPv6 outside',
  },
  {
    name: 'advertise',
    short: 'A',
    argument: 'required',
    placeholder: 'adv[/adv2]',
    help: 'address that replies tell instead of the bind address; two when bridging',
  },
  {
    name: 'socket',
    short: 's',
    argument: 'required',
    placeholder: 'socket',
    help: 'control socket: udp:host:port, udp6:, tcp:, tcp6:, unix:path, cunix:path, stdio:, stdioc:, systemd:; may be repeated (default unix:/var/run/rtpproxy.sock)',
  },
  {
    name: 'controlFrom',
    long: 'control-from',
    argument: 'required',
    placeholder: 'addresses',
    help: 'who may command a control socket that is neither loopback nor unix: addresses, prefixes such as 10.0.0.0/8 with commas between them, or any; without it such a socket is refused',
  },
  { name: 'minPort', short: 'm', argument: 'required', placeholder: 'port', help: 'lowest media port (default 35000)' },
  {
    name: 'maxPort',
    short: 'M',
    argument: 'required',
    placeholder: 'port',
    help: 'highest media port (default 65000)',
  },
  {
    name: 'ttl',
    short: 'T',
    argument: 'required',
    placeholder: 'seconds',
    help: 'a session without packets and commands ends after this time (default 60)',
  },
  {
    name: 'setupTtl',
    short: 'W',
    argument: 'required',
    placeholder: 'seconds',
    help: 'the same before the answer (default: -T)',
  },
  {
    name: 'ttlPerLeg',
    short: 'i',
    argument: 'none',
    help: 'one time-out for each party; the session ends with the first',
  },
  {
    name: 'holdTtl',
    long: 'hold-ttl',
    argument: 'required',
    placeholder: 'seconds',
    help: 'how long a session may be silent while a party is on hold (0.0.0.0), if longer than -T (default 1800)',
  },
  {
    name: 'maxLifetime',
    long: 'max-lifetime',
    argument: 'required',
    placeholder: 'seconds',
    help: 'a session ends at this age, whoever still speaks; 0: never (default)',
  },
  { name: 'sequential', short: 'b', argument: 'none', help: 'hand ports out in ascending order' },
  { name: 'foreground', short: 'f', argument: 'none', help: 'stay in the foreground; always so without --daemon' },
  {
    name: 'daemon',
    long: 'daemon',
    argument: 'none',
    help: 'go to the background once ready, and print the process id',
  },
  { name: 'rootAllowed', short: 'F', argument: 'none', help: 'do not complain about running as root' },
  {
    name: 'user',
    short: 'u',
    argument: 'required',
    placeholder: 'user[:group]',
    help: 'become this user once the sockets are open',
  },
  {
    name: 'socketMode',
    short: 'w',
    argument: 'required',
    placeholder: 'mode',
    help: 'mode of unix control sockets, decimal, with a group in -u (default 493 = 0755)',
  },
  {
    name: 'logLevel',
    short: 'd',
    argument: 'required',
    placeholder: 'level[:facility]',
    help: 'DBUG, INFO, WARN, WARNING, ERR, ERROR or CRIT (default INFO); logs go to standard error, the facility is ignored',
  },
  {
    name: 'pidFile',
    short: 'p',
    argument: 'required',
    placeholder: 'file',
    help: 'write the process id here (with --daemon: default /var/run/rtpproxy.pid)',
  },
  { name: 'nice', long: 'nice', argument: 'required', placeholder: 'n', help: 'scheduling priority, -20 to 20' },
  { name: 'bridgeSymmetric', long: 'bridge_symmetric', argument: 'none', help: 'learn sources in bridging mode, too' },
  {
    name: 'forceAsymmetric',
    long: 'force_asymmetric',
    argument: 'none',
    help: 'never learn sources unless a command says S',
  },
  { name: 'noResolve', long: 'no_resolve', argument: 'none', help: 'take numeric addresses only' },
  {
    name: 'plane',
    long: 'plane',
    argument: 'required',
    placeholder: 'auto|kernel|native|portable',
    help: 'how packets are moved (default auto)',
  },
  {
    name: 'latching',
    long: 'latching',
    argument: 'required',
    placeholder: 'safe|strict|rtpproxy',
    help: 'whose packets are believed; rtpproxy: whoever comes first (default safe)',
  },
  {
    name: 'imsDialect',
    long: 'ims-dialect',
    argument: 'required',
    placeholder: 'off|auto|only',
    help: 'understand the cookie-less dialect of the Python IMS (default off)',
  },
  {
    name: 'controlFd',
    long: 'control-fd',
    argument: 'required',
    placeholder: 'n',
    help: 'take commands from this inherited, bound UDP socket',
  },
  { name: 'showExtensions', short: 'v', argument: 'none', help: 'print the protocol version and its extensions' },
  { name: 'showVersion', short: 'V', long: 'version', argument: 'none', help: 'print the version' },
  { name: 'showClock', short: 'C', argument: 'none', help: 'print the name of the clock that is used' },
  { name: 'help', long: 'help', argument: 'none', help: 'print this' },
  {
    name: 'tos',
    short: 't',
    argument: 'required',
    placeholder: 'tos',
    help: 'IP TOS of media, 0 to 255 (default 184: expedited forwarding); the portable plane cannot set it',
  },
  { name: 'ignored', short: 'D', argument: 'none', help: 'accepted: the working directory is never changed' },
  {
    name: 'ignored',
    short: 'L',
    argument: 'required',
    placeholder: 'n',
    help: 'accepted: the limit of open files is always raised to the hard limit; raise that with ulimit -Hn',
  },
  {
    name: 'ignored',
    short: 'c',
    argument: 'required',
    placeholder: 'fifo|rr',
    help: 'accepted: scheduling is left to the system; see --nice',
  },
  {
    name: 'ignored',
    long: 'overload_prot',
    argument: 'optional',
    help: 'accepted: waiting commands are always limited (E98)',
  },
  { name: 'ignored', long: 'no_redirect', argument: 'none', help: 'accepted: logs always go to standard error' },
  {
    name: 'recordingDirectory',
    short: 'r',
    argument: 'required',
    placeholder: 'dir',
    help: 'directory for recordings (commands R and C); it must exist',
  },
  {
    name: 'spoolDirectory',
    short: 'S',
    argument: 'required',
    placeholder: 'dir',
    help: 'recordings grow here and are moved to -r when they are complete',
  },
  { name: 'pcap', short: 'P', argument: 'none', help: 'recordings are pcap files (default: rtpproxy’s own format)' },
  { name: 'recordAll', short: 'a', argument: 'none', help: 'record every session' },
  { name: 'noRtcp', short: 'R', argument: 'none', help: 'leave RTCP out of recordings and copies' },
  {
    name: 'notify',
    short: 'n',
    argument: 'required',
    placeholder: 'socket',
    help: 'who may be told of time-outs and of keys (M3:1): unix:path, tcp:address:port, tcp:%%CC_SELF%%:port; may be repeated',
  },
  {
    name: 'refused',
    short: '2',
    argument: 'none',
    help: '',
    refused: 'no packet is sent twice here: leave it out; on a lossy path use a codec with redundancy, such as Opus',
  },
  {
    name: 'refused',
    long: 'dso',
    argument: 'required',
    help: '',
    refused:
      'modules cannot be loaded here: leave it out; what catch_dtmf does (M3:1) is built in, and for acct_csv the log has one line a session',
  },
  {
    name: 'refused',
    long: 'config',
    argument: 'required',
    help: '',
    refused: 'there is no file of settings here: leave it out; every setting is an option, see --help',
  },
] as const satisfies readonly RelayOption[];

export type RelayOptionName = (typeof RELAY_OPTIONS)[number]['name'];

/** The text of --help. */
export function relayHelp(): string {
  const rows = (RELAY_OPTIONS as readonly RelayOption[])
    .filter(({ refused }) => refused === undefined)
    .map(({ short, long, placeholder, help }) => {
      const names = [short === undefined ? [] : `-${short}`, long === undefined ? [] : `--${long}`].flat().join(', ');
      return `  ${names}${placeholder === undefined ? '' : ` <${placeholder}>`}\n      ${help}`;
    });
  return [
    'Usage: ims-relay [options]',
    '',
    'RTP relay with the control protocol and the options of rtpproxy.',
    '',
    ...rows,
  ].join('\n');
}
