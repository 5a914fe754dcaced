import { z } from 'zod';
import { LATCHING_MODES } from './latching/latch.ts';

const port = z.number().int().min(1).max(65535);

/** `relay` in config.json: how ims-launch starts, finds and asks the relay. `ims-relay` itself takes rtpproxy's flags. */
export const relayOptions = z.object({
  host: z.string().min(1).default('127.0.0.1').meta({
    description: 'Address of the relay’s RTPP control socket (UDP).',
    env: 'RTPPROXY_UDP_HOST',
  }),
  port: port.default(7722).meta({
    description: 'Port of the relay’s RTPP control socket (UDP).',
    env: 'RTPPROXY_UDP_PORT',
  }),
  controlFrom: z.array(z.string().min(1)).max(64).default([]).meta({
    description:
      'Who may send commands to a control socket that is not on loopback: addresses, prefixes such as 10.0.0.0/8, or any. This machine’s relay.host always may.',
  }),
  weight: z.number().int().min(0).max(1000).default(1).meta({
    description: 'Share of the calls of the relay at relay.host and relay.port, where relay.further names more.',
  }),
  further: z
    .array(
      z.strictObject({
        control: z
          .string()
          .regex(
            /^((udp|tcp)6?:.+:[0-9]{1,5}|c?unix:.+)$/,
            'must be udp:HOST:PORT, udp6:, tcp:, tcp6:, unix:PATH or cunix:PATH',
          )
          .meta({ description: 'RTPP control socket: udp:HOST:PORT, udp6:, tcp:, tcp6:, unix:PATH or cunix:PATH.' }),
        weight: z.number().int().min(0).max(1000).default(1).meta({
          description: 'Share of the calls, beside relay.weight; 0: a spare, used when no other works.',
        }),
        mediaAddress: z.string().min(1).optional().meta({
          description: 'IP address that phones are told; else the one that the relay names.',
        }),
      }),
    )
    .max(64)
    .default([])
    .meta({
      description: 'More relays, for the built-in IMS to share its calls with. They are not started from here.',
    }),
  autoStart: z.boolean().default(true).meta({
    description: 'Start ims-relay when no relay answers on the control socket.',
    env: 'RTPPROXY_AUTO_START',
  }),
  bindAddress: z.string().min(1).default('AUTO_DETECT').meta({
    description:
      'Address on which media ports are opened. AUTO_DETECT: SERVER_ADDR if it is local, else the default route’s address.',
    flag: '--bind',
  }),
  minPort: port.default(10000).meta({
    description: 'Lowest media port; RTP takes even ports, RTCP the next odd one.',
    flag: '--min-port',
  }),
  maxPort: port.default(20000).meta({ description: 'Highest media port.', flag: '--max-port' }),
  timeoutSeconds: z.number().int().min(1).max(86400).default(60).meta({
    description: 'A session without RTP, RTCP or commands ends after this time.',
    unit: 's',
  }),
  timeoutEachParty: z.boolean().default(false).meta({
    description: 'Each party has its own time-out; a session ends when the first of the two runs out.',
  }),
  holdTimeoutSeconds: z.number().int().min(1).max(1_000_000).default(1800).meta({
    description: 'A session may be silent for this long while a party is on hold, if that is longer.',
    unit: 's',
  }),
  maxSessionSeconds: z.number().int().min(0).max(10_000_000).default(0).meta({
    description: 'A session ends at this age, whoever still speaks; 0: never.',
    unit: 's',
  }),
  plane: z.enum(['auto', 'kernel', 'native', 'portable']).default('auto').meta({
    description: 'How packets are moved; auto takes the first of kernel, native and portable that works.',
    flag: '--plane',
  }),
  latching: z.enum(LATCHING_MODES).default('safe').meta({
    description:
      'Whose packets are believed: safe lets sources prove themselves; strict learns no host that signalling does not name; rtpproxy believes whoever comes first, as rtpproxy does.',
    flag: '--latching',
  }),
  imsDialect: z.enum(['off', 'auto', 'only']).default('auto').meta({
    description: 'Whether the relay also understands the cookie-less dialect of the Python IMS.',
  }),
  recordingDirectory: z.string().min(1).optional().meta({
    description: 'Directory for the recordings that the IMS asks for (RTPP R and C). Without it nothing is recorded.',
  }),
  spoolDirectory: z.string().min(1).optional().meta({
    description: 'Recordings grow here and are moved to relay.recordingDirectory when they are complete.',
  }),
  recordingFormat: z.enum(['pcap', 'rtpproxy']).default('pcap').meta({
    description: 'pcap, which Wireshark opens, or the format of rtpproxy.',
  }),
  recordEverySession: z.boolean().default(false).meta({
    description: 'Record every session, whether the IMS asks for it or not.',
  }),
  notify: z.array(z.string().min(1)).max(64).default([]).meta({
    description: 'Who may be told of time-outs and of keys (M3:1): unix:path, tcp:address:port, tcp:%%CC_SELF%%:port.',
  }),
});

export type RelayOptions = z.output<typeof relayOptions>;
