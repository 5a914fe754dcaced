/** The IMS put together: SIP transport, transactions, registrar and B2BUA, RTPP client, call records. */
import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import type { Config } from '../../config/schema.ts';
import { randomIds } from '../../io/random-ids.ts';
import { RelaySetDriver } from '../../io/relay-set-driver.ts';
import { localAddresses, type ServerAddress } from '../../io/server-address.ts';
import { SipDriver } from '../../io/sip/driver.ts';
import type {
  BanReport,
  CallNames,
  CertificateLook,
  ImsDetails,
  RegistrationsAnswer,
  SipCaptureAnswer,
  SipCaptureQuestion,
} from '../../observe/ipc.ts';
import type { Log } from '../../observe/log.ts';
import { DigestServer } from '../../sip/auth/digest-server.ts';
import { parseUserSecret } from '../../sip/auth/user-secret.ts';
import type { CallEvent } from '../../sip/b2bua/call-record.ts';
import type { B2buaOptions } from '../../sip/b2bua/host.ts';
import type { RelayCommand, RelayOutcome } from '../../sip/b2bua/media-relay.ts';
import type { TracedMessage } from '../../sip/message/traced-message.ts';
import type { Account } from '../../sip/methods/directory.ts';
import type { SipServerEffect } from '../../sip/methods/effects.ts';
import { SipServer, type SipServerChange } from '../../sip/methods/server.ts';
import { TransactionLayer } from '../../sip/transaction/layer.ts';
import { CdrWriter } from '../../store/cdr-writer.ts';
import { loadSqlite } from '../../store/sqlite.ts';
import { assertNever } from '../../wire/assert-never.ts';
import { formatTransportAddress, type TransportAddress } from '../../wire/ip-address.ts';
import { packageVersion } from '../version.ts';
import { CallFigures } from './call-figures.ts';
import { cdrOf, logCall, logRegistration } from './call-log.ts';
import { KeptCalls } from './kept-calls.ts';
import { OfflineMail } from './offline-mail.ts';
import { OpenCalls } from './open-calls.ts';
import { Registrations } from './registrations.ts';
import { registrationsAnswer } from './registrations-answer.ts';
import { relayMembers } from './relay-members.ts';
import { RtppMediaRelay, relayCallIdOf } from './rtpp-media-relay.ts';
import { SipWitness } from './sip-witness.ts';
import { StaticRoutes } from './static-routes.ts';
import { advertisedAddress, SipTransports } from './transports.ts';

export interface ServerConfig {
  readonly config: Config;
  readonly address: ServerAddress;
  readonly log: Log;
}

export interface RunningServer {
  readonly details: ImsDetails;
  /** Calls that ring or are answered. */
  readonly callCount: number;
  /** Takes what can change while calls are in progress; the rest of `config` is as it was at the start. */
  reconfigure(config: Config, address: ServerAddress): Promise<void>;
  /** The relay was started anew by whoever watches it. */
  relayRestarted(): void;
  /** Who talks to whom at present; the relay knows their media. */
  calls(): CallNames[];
  /** Devices that can be called at present, no more than `limit` of them. */
  registrations(limit: number): RegistrationsAnswer;
  /** The last SIP messages, of all or of one call. */
  trace(call: string | undefined): TracedMessage[];
  /** The same from where the last answer left off. */
  capture(question: SipCaptureQuestion): SipCaptureAnswer;
  /** Sources that get no answer at present. */
  bans(): BanReport[];
  /** Answers them again: one, or all. Returns how many there were. */
  unban(address: string | undefined): number;
  /** Looks whether the files hold another TLS certificate; undefined: there is no TLS port. */
  rereadCertificate(): CertificateLook | undefined;
  /** New calls get 503; resolves when the last one has ended. */
  drain(): Promise<void>;
  /** Ends all calls, waits a moment for the BYEs to be answered, writes the records, closes. Idempotent. */
  close(): Promise<void>;
}

/** The accounts of the shipped configuration, whose password everybody can read. */
const PUBLISHED_ACCOUNTS: Readonly<Record<string, string>> = { '1001': '1234', '1002': '1234', '1003': '1234' };

/** Devices of one user. */
const MAX_BINDINGS_PER_AOR = 10;

/** How an account is told from an address among the bans. */
const USER_PREFIX = 'user ';

/** The relay is asked this often whether it still has a call, or thrice within its time-out. */
const MEDIA_CHECK_INTERVAL_MS = 20_000;

/** Wrong passwords of an address are counted for so long. */
const BAN_WINDOW_MS = 600_000;

/** How long `close` waits for answers to its BYEs and `D`s. */
const FAREWELL_MS = 2000;

/** @throws ImsError IMS_ERR_PORT_IN_USE, IMS_ERR_BIND, IMS_ERR_RELAY_ADDRESS; nothing is left open then. */
export async function createServer({
  config: initial,
  address: initialAddress,
  log,
}: ServerConfig): Promise<RunningServer> {
  let config = initial;
  let address = initialAddress;
  const ids = randomIds();
  /** Phones that know us by a former address are not strangers. */
  const names = new Set(domainsOf(config, address));
  const advertised = (): TransportAddress => advertisedAddress(initial, address);
  const transports = await SipTransports.open(initial, address, advertised, log, () => [...names]);
  const relays = await RelaySetDriver.open(relayMembers(config.relay), {
    log,
    onReturn: () => driver.run((now) => server.handleRelayRestart(now)),
    onLoss: (member) =>
      driver.run((now) => server.handleRelayGone(now, (session) => relay.memberOf(session) === member)),
  }).catch(async (err) => {
    await transports.close();
    throw err;
  });
  const relay = new RtppMediaRelay(relays, log);
  const sqlite = config.cdrFormats.includes('sqlite') ? await loadSqlite() : undefined;
  const records = new CdrWriter({ dataDir: config.dataDir, formats: config.cdrFormats, sqlite, log });
  const accounts = accountsOf(config.USERS);
  const layer = new TransactionLayer({
    ids,
    largeRequests: {
      limitBytes: () => config.ims.udpRequestBytes,
      flowTo: (remote) => transports.flowTo(remote, 'tcp'),
    },
  });
  const server = new SipServer({
    layer,
    digest: new DigestServer({ realm: config.ims.realm, secret: randomBytes(32), algorithms: config.ims.algorithms }),
    ...changeable(config, accounts, names),
    date: () => new Date().toUTCString(),
    b2bua: { ids, ...callOptions(config, address) },
  });
  const registrations = new Registrations({
    dataDir: config.dataDir,
    registrar: server.registrar,
    transports,
    maxExpiresSeconds: config.ims.maxExpiresSeconds,
    log,
  });
  registrations.restore();
  server.registrar.retain((aor) => accounts.has(aor));
  const wallClock = (at: number): Date => new Date(Date.now() - (performance.now() - at));
  const openCalls = new OpenCalls({ dataDir: config.dataDir, log, wallClock, records });
  const keptCalls = new KeptCalls({ dataDir: config.dataDir, transports, relay, log });
  const figures = new CallFigures(relay);
  const mail = new OfflineMail({ dataDir: config.dataDir, mailboxes: server.mailboxes, log });
  mail.restore((aor) => accounts.has(aor));
  const witness = new SipWitness(config.ims, log);
  const executeOnRelay = async (command: RelayCommand): Promise<RelayOutcome> => {
    if (command.kind === 'delete') {
      await figures.beforeDelete(command.session);
    }
    return relay.execute(command);
  };
  const recordCall = (event: CallEvent, merged: boolean): void => {
    const record = cdrOf(event, merged, wallClock);
    // Until its record is written the call is one that this process owes.
    openCalls.handle(event, merged);
    if (event.kind !== 'ended') {
      if (record !== undefined) {
        records.write(record);
      }
      return;
    }
    figures.ended(event.record.id, (told) => {
      if (record !== undefined) {
        records.write({ ...record, ...told });
      }
      openCalls.written(event.record.id);
    });
  };
  const perform = (effect: SipServerEffect): void => {
    switch (effect.kind) {
      case 'relay':
        void executeOnRelay(effect.command).then((outcome) => {
          driver.run((now) => server.handleRelayOutcome(now, effect.id, outcome));
        });
        break;
      case 'call':
        logCall(log, effect.event);
        figures.handle(effect.event);
        recordCall(effect.event, config.CDR_MERGE_MODE);
        keptCalls.handle(effect.event);
        witness.join(effect.event);
        break;
      case 'registration':
        logRegistration(log, effect.event);
        registrations.changed(effect.event.binding.aor);
        break;
      case 'mail':
        mail.handle(effect.event);
        break;
      case 'banned': {
        const { source, failures, until } = effect.ban;
        const durationMs = Math.round(until - performance.now());
        log.warn(
          { address: source, count: failures, durationMs },
          'too many wrong passwords: this source gets no answer',
        );
        break;
      }
      case 'guarded': {
        const { user, failures, until } = effect.guarded;
        const durationMs = Math.round(until - performance.now());
        log.warn(
          { aor: user, count: failures, durationMs },
          'too many wrong passwords for this account: it opens only to addresses that it has opened to before',
        );
        break;
      }
      case 'denied': {
        const { user, remote, method, reason } = effect;
        log.warn({ aor: user, remote, method, reason }, 'request denied');
        break;
      }
      default:
        assertNever(effect);
    }
  };
  const driver = new SipDriver<SipServerEffect>({
    layer,
    user: server,
    transports: transports.all,
    perform,
    log,
    tap: witness.see,
  });
  const resumed = keptCalls.restore((snapshot) => {
    const before = server.b2bua.callCount;
    driver.run((now) => server.resumeCall(now, snapshot));
    return server.b2bua.callCount > before;
  });
  await openCalls.settle(resumed);
  const startRoutes = async (): Promise<StaticRoutes> => {
    const started = new StaticRoutes({
      routes: config.ims.routes,
      flowTo: (remote, kind) => transports.flowTo(remote, kind),
      onChange: (resolved) => server.directory.setRoutes(resolved),
      log,
    });
    await started.start();
    return started;
  };
  let routes = await startRoutes();
  warnOfPublishedPasswords(accounts, log);
  const details: ImsDetails = {
    version: packageVersion(),
    listen: transports.all.map(({ kind, local }) => `${kind} ${formatTransportAddress(local)}`),
    advertised: formatTransportAddress(advertisedAddress(config, address)),
    users: accounts.size,
  };
  log.info({ local: details.listen, address: details.advertised, count: details.users }, 'IMS ready');

  const close = async (): Promise<void> => {
    driver.run((now) => server.shutDown(now));
    await waitUntil(
      () => layer.unansweredCount === 0 && server.b2bua.pendingRelayRequests === 0 && figures.pending === 0,
      FAREWELL_MS,
    );
    routes.stop();
    driver.close();
    witness.close();
    await Promise.all([
      relays.close(),
      records.close(),
      openCalls.close(),
      keptCalls.close(),
      mail.close(),
      registrations.close(),
      transports.close(),
    ]);
  };
  const reconfigure = async (next: Config, nextAddress: ServerAddress): Promise<void> => {
    config = next;
    address = nextAddress;
    const users = accountsOf(config.USERS);
    for (const name of domainsOf(config, address)) {
      names.add(name);
    }
    const change = { ...changeable(config, users, names), b2bua: callOptions(config, address) };
    driver.run((now) => server.reconfigure(now, change));
    const fields = { address: formatTransportAddress(advertisedAddress(initial, address)), count: users.size };
    log.info(fields, 'configuration taken');
    warnOfPublishedPasswords(users, log);
    try {
      await relays.configure(relayMembers(config.relay));
    } catch (err) {
      log.error({ err }, 'the media relays stay as they were');
    }
    routes.stop();
    routes = await startRoutes();
  };
  let closing: Promise<void> | undefined;
  let changing = Promise.resolve();
  return {
    details,
    get callCount() {
      return server.b2bua.callCount;
    },
    reconfigure: (next, nextAddress) => {
      // One after the other: routes are looked up by name.
      changing = changing.then(() => (closing === undefined ? reconfigure(next, nextAddress) : undefined));
      return changing;
    },
    relayRestarted: () => driver.run((now) => server.handleRelayRestart(now)),
    calls: () =>
      openCalls.records.map(({ id, callId, caller, callee, answeredAt }) => {
        return { relayCallId: relayCallIdOf(callId), id, caller: caller.uri, callee: callee.uri, answeredAt };
      }),
    registrations: (limit) => registrationsAnswer(performance.now(), server.registrar.all(), limit),
    trace: (call) => witness.messages(call),
    capture: (question) => witness.capture(question, new Set(openCalls.records.map(({ callId }) => callId))),
    bans: () => {
      const now = performance.now();
      const banned = server.bans.list(now);
      const guarded = server.guard.list(now).map(({ user, ...rest }) => ({ source: `${USER_PREFIX}${user}`, ...rest }));
      return [...banned, ...guarded].map(({ source, failures, until }) => {
        return { source, failures, leftSeconds: Math.ceil((until - now) / 1000) };
      });
    },
    unban: (wanted) => {
      const now = performance.now();
      const user = wanted?.startsWith(USER_PREFIX) === true ? wanted.slice(USER_PREFIX.length) : wanted;
      return server.bans.lift(now, wanted) + server.guard.lift(now, user);
    },
    rereadCertificate: () => transports.certificate?.look(true),
    drain: () => {
      server.b2bua.stopTakingCalls();
      return waitUntil(() => server.b2bua.callCount === 0, Number.POSITIVE_INFINITY);
    },
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

/** Names by which phones may call this server: what is configured, what is advertised, what is local. */
function domainsOf(config: Config, address: ServerAddress): readonly string[] {
  return [...config.ims.domains, config.SERVER_ADDR, address.advertised, address.bind, ...localAddresses()];
}

function callOptions({ ims, relay }: Config, address: ServerAddress): Omit<B2buaOptions, 'ids'> {
  const relayTimeoutMs = relay.timeoutSeconds * 1000;
  return {
    maxCalls: ims.maxCalls,
    maxCallsPerUser: ims.maxCallsPerUser,
    ringTimeoutMs: ims.ringTimeoutSeconds * 1000,
    ringGroupMs: ims.ringGroupSeconds * 1000,
    followsRedirects: ims.followRedirects,
    sessionSeconds: ims.sessionExpiresSeconds,
    minSessionSeconds: ims.minSessionExpiresSeconds,
    relayTimeoutMs,
    mediaCheckIntervalMs: Math.min(MEDIA_CHECK_INTERVAL_MS, relayTimeoutMs / 3),
    mediaAddress: address.advertised,
  };
}

function changeable(
  { ims }: Config,
  accounts: ReadonlyMap<string, Account>,
  names: ReadonlySet<string>,
): Omit<SipServerChange, 'b2bua'> {
  return {
    registrar: { ...ims, maxBindingsPerAor: MAX_BINDINGS_PER_AOR },
    directory: { accounts, domains: [...names] },
    trustedPeers: ims.trustedPeers,
    bans: { maxFailures: ims.banAfterFailures, windowMs: BAN_WINDOW_MS, banMs: ims.banSeconds * 1000 },
    guard: { maxFailures: ims.guardAfterFailures, windowMs: BAN_WINDOW_MS, guardMs: ims.banSeconds * 1000 },
    mailboxes: { perUser: ims.storedMessagesPerUser, keepMs: ims.storedMessageSeconds * 1000 },
  };
}

function accountsOf(users: Config['USERS']): ReadonlyMap<string, Account> {
  return new Map(
    Object.entries(users).map(([user, password]) => {
      // The configuration has been checked: it is one or the other.
      const secret = parseUserSecret(password) ?? { password };
      return [user, { user, isPublished: PUBLISHED_ACCOUNTS[user] === password, ...secret }];
    }),
  );
}

function warnOfPublishedPasswords(accounts: ReadonlyMap<string, Account>, log: Log): void {
  const published = [...accounts.values()].filter((account) => account.isPublished).map((account) => account.user);
  if (published.length > 0) {
    log.warn(
      { aor: published },
      'these users have the published password: it works only from this machine and private networks; change USERS',
    );
  }
}

/** Looks again every few milliseconds; what is waited for is over within a few round trips. */
function waitUntil(condition: () => boolean, limitMs: number): Promise<void> {
  const until = performance.now() + limitMs;
  return new Promise((resolve) => {
    const look = (): void => {
      if (condition() || performance.now() >= until) {
        resolve();
      } else {
        setTimeout(look, 20);
      }
    };
    look();
  });
}
