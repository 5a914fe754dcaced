import { z } from 'zod';
import { parseEndpoint } from '../wire/ip-address.ts';
import { parseUserSecret } from './auth/user-secret.ts';

const port = z.number().int().min(1).max(65535);
const hostPort = z
  .string()
  .regex(/^(\[[0-9a-fA-F:.]+\]|[^\s:[\]]+)(:[0-9]{1,5})?$/, 'must be host, host:port or [IPv6]:port');

/** User name → password, or its hash. */
export const accountsSchema = z.record(
  z.string().regex(/^[^\s@:;<>"]{1,64}$/, 'must be a user name without spaces, @, :, ;, <, > or quotes'),
  z
    .string()
    .min(1)
    .refine(
      (text) => parseUserSecret(text) !== undefined,
      'begins with "ha1:" and is not "ha1:MD5:" with 32, or "ha1:SHA-256:" or "ha1:SHA-512-256:" with 64 hexadecimal digits',
    ),
);

/** Keys of config.json that existing installations have at the top level, with their documented meaning. */
export const signallingShape = {
  SERVER_PORT: port
    .default(5060)
    .meta({ description: 'SIP port that ims-server listens on, UDP and TCP.', flag: '--sip-port' }),
  SERVER_PUBLIC_PORT: port.nullable().default(null).meta({
    description: 'SIP port that is advertised in Contact and Via, if a NAT maps it to another one; null: SERVER_PORT.',
    env: 'SERVER_PUBLIC_PORT',
  }),
  USERS: accountsSchema.default({ '1001': '1234', '1002': '1234', '1003': '1234' }).meta({
    description:
      'Accounts: user name → password, or "ha1:MD5:" and H(user:realm:password). Those in users.json below dataDir, which looks the same, are added; where there is one, the default ones are not.',
    secret: true,
  }),
  CDR_MERGE_MODE: z.boolean().default(true).meta({
    description: 'One CDR line per call when it has ended; false: one line at each of invite, answer and end.',
  }),
} as const;

/** `ims` in config.json, as far as the SIP core is concerned. */
export const sipShape = {
  domains: z.array(z.string().min(1)).default([]).meta({
    description: 'Domains served besides the advertised address; a Request-URI with another host is not ours.',
  }),
  realm: z.string().min(1).max(128).default('ims-launch').meta({ description: 'Realm of digest challenges.' }),
  algorithms: z
    .array(z.enum(['MD5', 'SHA-256', 'SHA-512-256']))
    .min(1)
    .default(['MD5'])
    .meta({
      description:
        'Digest algorithms offered, the most wanted first. Many phones do not register where they meet another one than MD5.',
    }),
  minExpiresSeconds: z.number().int().min(1).max(86400).default(60).meta({
    description: 'Shortest registration accepted (423 below it).',
    unit: 's',
  }),
  maxExpiresSeconds: z.number().int().min(60).max(604800).default(3600).meta({
    description: 'Longest registration granted.',
    unit: 's',
  }),
  flowTimerSeconds: z.number().int().min(0).max(3600).default(0).meta({
    description:
      'Phones that keep flows (outbound, RFC 5626) are told to send a keep-alive at least so often (Flow-Timer), such as 25 where NATs forget soon; 0: as they like.',
    unit: 's',
  }),
  traceMessages: z.number().int().min(0).max(100_000).default(2000).meta({
    description: 'SIP messages that are remembered for `ims-launch trace`; 0: none.',
  }),
  hepTarget: z
    .string()
    .refine((text) => parseEndpoint(text) !== undefined, 'must be an IP address and a port, such as 192.0.2.5:9060')
    .nullable()
    .default(null)
    .meta({ description: 'Capture server (Homer) that is told of every SIP message by HEP3 over UDP; null: none.' }),
  hepCaptureId: z.number().int().min(0).max(4294967295).default(2001).meta({
    description: 'By which the capture server tells this host from others.',
  }),
  hepPassword: z.string().min(1).max(128).optional().meta({
    description: 'What the capture server knows this host by, if it asks for it.',
    secret: true,
  }),
  ringTimeoutSeconds: z.number().int().min(5).max(3600).default(180).meta({
    description: 'An INVITE that nobody answers ends with 408 after this time (Timer C).',
    unit: 's',
  }),
  ringGroupSeconds: z.number().int().min(1).max(3600).default(20).meta({
    description:
      'Devices of one user that registered with the same q ring at once, those with a lower q after this time.',
    unit: 's',
  }),
  followRedirects: z.boolean().default(true).meta({
    description:
      'A phone that answers 302 (call forwarding) has others rung in its place, if its caller could have called them; false: the caller is told.',
  }),
  sessionExpiresSeconds: z.number().int().min(0).max(86400).default(1800).meta({
    description:
      'Session timer (RFC 4028) of each party that supports one: a session that is not refreshed ends. 0: only where a party asks for one.',
    unit: 's',
  }),
  minSessionExpiresSeconds: z.number().int().min(4).max(7200).default(90).meta({
    description:
      'Shortest session accepted (422 below it). RFC 4028 allows nothing below 90; less is for a laboratory.',
    unit: 's',
  }),
  maxCalls: z.number().int().min(1).max(100000).default(2000).meta({
    description: 'Calls at once; more get 503 with Retry-After.',
  }),
  maxCallsPerUser: z.number().int().min(0).max(100000).default(0).meta({
    description:
      'Calls at once that one user may place, so that a stolen password buys little; more get 403. 0: no limit.',
  }),
  storedMessagesPerUser: z.number().int().min(0).max(1000).default(100).meta({
    description:
      'Texts (MESSAGE) that are kept for a user who is not reached, and sent when a device of his registers; the sender gets 202. 0: none, the sender gets 480.',
  }),
  storedMessageSeconds: z.number().int().min(60).max(2592000).default(604800).meta({
    description: 'How long such a text waits at most.',
    unit: 's',
  }),
  trustedPeers: z.array(z.string().min(1)).default([]).meta({
    description: 'Addresses of trunks and gateways whose requests need no digest.',
  }),
  banAfterFailures: z.number().int().min(0).max(100000).default(20).meta({
    description:
      'Wrong passwords from one address within 10 min, none right between them, until it gets no answer; 0: never.',
  }),
  guardAfterFailures: z.number().int().min(0).max(100000).default(60).meta({
    description:
      'Wrong passwords for one user within 10 min, from all addresses together, until his account opens only to addresses that it has opened to before, for banSeconds; 0: never.',
  }),
  banSeconds: z.number().int().min(1).max(31536000).default(900).meta({
    description: 'How long such an address gets no answer ("ims-launch bans", "ims-launch unban").',
    unit: 's',
  }),
  routes: z
    .array(
      z.object({
        prefix: z.string().min(1).meta({ description: 'User part starts with this.' }),
        target: hostPort.meta({ description: 'host:port that the call is sent to.' }),
        transport: z.enum(['udp', 'tcp', 'tls']).default('udp').meta({ description: 'How it is sent there.' }),
      }),
    )
    .default([])
    .meta({ description: 'Static routes for users that are not registered here: the longest prefix wins.' }),
  udpRequestBytes: z.number().int().min(0).max(65535).default(1300).meta({
    description:
      'Larger requests go over TCP, where the phone is not behind NAT and takes it (RFC 3261 18.1.1); 0: none does.',
    unit: 'B',
  }),
  tcp: z.boolean().default(true).meta({ description: 'SIP over TCP, too, on the same port.' }),
  tlsPort: port.nullable().default(null).meta({
    description: 'SIP over TLS on this port (5061 as a rule); null: none. Needs ims.tlsCertificate and ims.tlsKey.',
  }),
  tlsCertificate: z.string().min(1).optional().meta({
    description:
      'PEM file with the certificate of this server and those between it and the authority. A renewed one is taken within seconds; connections stay.',
  }),
  tlsKey: z.string().min(1).optional().meta({ description: 'PEM file with the key of the certificate.' }),
  wsPort: port.nullable().default(null).meta({
    description: 'SIP over WebSocket on this port, for browsers (RFC 7118); null: none.',
  }),
  wssPort: port.nullable().default(null).meta({
    description: 'The same over TLS, with ims.tlsCertificate and ims.tlsKey; null: none.',
  }),
  wsOrigins: z
    .array(z.string().regex(/^(\*|https?:\/\/[^\s/]+)$/, 'must be "*" or an origin, such as https://phone.example.com'))
    .max(64)
    .default([])
    .meta({
      description:
        'Web pages that may connect by WebSocket, beside those of this server’s own names: origins (https://phone.example.com); "*": all.',
    }),
  wsTrustedProxies: z.array(z.string().min(1)).max(64).default([]).meta({
    description:
      'Addresses of reverse proxies for WebSocket whose X-Forwarded-For is believed: bans, digest and lists then go by the browser’s own address.',
  }),
  maxConnections: z.number().int().min(10).max(100000).default(2000).meta({
    description:
      'TCP connections at once, TLS ones, and WebSockets; one more costs the one that was silent longest, a stranger first.',
  }),
} as const;
