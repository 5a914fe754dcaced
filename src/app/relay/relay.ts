/** The relay put together: control sockets, engine, plane. What `ims-relay` runs and `createRelay` gives. */
import { randomInt } from 'node:crypto';
import { ImsError } from '../../errors.ts';
import { type BindAddress, resolveBindAddress } from '../../io/bind-address.ts';
import { type ControlAddress, DEFAULT_CONTROL, parseControlAddress } from '../../io/control/address.ts';
import { ControlAdmission } from '../../io/control/admission.ts';
import type { ControlHandler, ControlSocket } from '../../io/control/control-socket.ts';
import { openControl } from '../../io/control/open.ts';
import { openLocalRoutes } from '../../io/local-routes.ts';
import { NotifySender } from '../../io/notify-sender.ts';
import { inheritedSocket } from '../../io/port-owner.ts';
import { Recorder } from '../../io/recording/recorder.ts';
import { type ControlPeer, RelayDriver } from '../../io/relay-driver.ts';
import type { MediaCaptureAnswer, MediaCaptureQuestion, RelayDetails } from '../../observe/ipc.ts';
import type { Log } from '../../observe/log.ts';
import { choosePlane, type PlaneChoice } from '../../planes/choose.ts';
import type { LatchingMode } from '../../relay/latching/latch.ts';
import type { LocalAddress } from '../../relay/local-addresses.ts';
import { LogLimit } from '../../relay/log-limit.ts';
import type { FlowCounts } from '../../relay/media/flow-states.ts';
import { isUnicast, OwnControl } from '../../relay/own-control.ts';
import type { MediaPlane } from '../../relay/plane.ts';
import { pairPorts } from '../../relay/port-table.ts';
import type { MediaEvent, StreamReport } from '../../relay/quality/report.ts';
import type { RecordingFormat } from '../../relay/recording/tap.ts';
import { DEFAULT_MAX_SESSIONS, type RelaySettings } from '../../relay/settings.ts';
import type { ImsDialectMode } from '../../rtpp/ims-dialect.ts';
import { type NotifyTarget, parseNotifyTarget } from '../../rtpp/notify.ts';
import { familyOf, isLoopback } from '../../wire/ip-address.ts';
import { packageVersion } from '../version.ts';
import { testMediaAddresses } from './bind-test.ts';
import { capacityOf, warnOfFewFiles } from './capacity.ts';

/** Everything has rtpproxy's default. */
export interface RelayConfig {
  /** Where commands come from, in the form of `-s`. Default: `unix:/var/run/rtpproxy.sock`. */
  readonly control?: readonly string[];
  /**
   * Who may send commands to a socket of `control` that is not on loopback: addresses, prefixes, or `any`. Default: nobody,
   * and such a socket is refused.
   */
  readonly controlFrom?: readonly string[];
  /** A bound UDP socket that the parent process opened, besides `control`. */
  readonly controlFd?: number | undefined;
  /** Where media ports are opened; the first is the default. Default: all IPv4 addresses. */
  readonly addresses?: readonly BindAddress[];
  /** Bridging: the outer of two networks, the first of `addresses` being the inner one. */
  readonly external?: BindAddress | undefined;
  /** Whether host names may be resolved. Default true. */
  readonly resolveNames?: boolean;
  /** Media ports, inclusive. Default 35000–65000. */
  readonly minPort?: number;
  readonly maxPort?: number;
  /** Hand ports out in ascending order. Default false. */
  readonly sequentialPorts?: boolean;
  /** A session without packets and commands ends after this time. Default 60 s. */
  readonly ttlSeconds?: number;
  /** The same before its second leg is open. Default: `ttlSeconds`. */
  readonly setupTtlSeconds?: number | undefined;
  readonly ttlPerLeg?: boolean;
  /** How long a session may be silent while a party is on hold. Default 1800 s; never less than `ttlSeconds`. */
  readonly holdTtlSeconds?: number;
  /** A session ends at this age. Default 0: never. */
  readonly maxLifetimeSeconds?: number;
  /** Believe signalled hosts and never learn, unless a command says otherwise. Default: in bridging mode. */
  readonly asymmetricByDefault?: boolean | undefined;
  readonly imsDialect?: ImsDialectMode;
  /** Directory for recordings (`-r`), and how they are made. Default: nothing is recorded. */
  readonly recording?: RecordingConfig | undefined;
  /** Whether RTCP is recorded and copied. Default true. */
  readonly recordRtcp?: boolean;
  /** Who may be told of time-outs, in the form of `-n`; at most 64. Default: nobody. */
  readonly notify?: readonly string[];
  readonly plane?: PlaneChoice;
  /** Whose packets are believed. Default `safe`. */
  readonly latching?: LatchingMode;
  /** TOS of media packets, 0–255, unless a command says otherwise. Default: 184, expedited forwarding. */
  readonly tos?: number | undefined;
  /**
   * Media threads give up every capability (Linux). Default false: the C library aborts a process that changes its user
   * while one of its threads may not.
   */
  readonly dropsRights?: boolean;
  /** Told of each turn in the media of a call. */
  readonly onMedia?: (event: MediaEvent) => void;
  /** Default: nothing is logged. */
  readonly log?: Log;
}

export interface RecordingConfig {
  readonly directory: string;
  /** Files grow here and are moved when they are complete. Default: `directory`. */
  readonly spool?: string | undefined;
  /** Default: rtpproxy's own. */
  readonly format?: RecordingFormat;
  /** Record every session. Default false. */
  readonly everySession?: boolean;
}

export interface RunningRelay {
  readonly details: RelayDetails;
  /** The control sockets as they were bound: `udp:127.0.0.1:7722`. */
  readonly control: readonly string[];
  /** Paths of unix sockets, whose owner and mode can still be set. */
  readonly socketPaths: readonly string[];
  readonly sessionCount: number;
  /** The same without those that only try the relay out. */
  readonly callSessionCount: number;
  /** What is known of the media of each stream, those that need somebody first; at most `limit` of them. */
  streams(limit: number): StreamReport[];
  /** What the parties of a call, or of all, have sent since this capture was fetched last; see `MediaCaptureQuestion`. */
  capture(question: MediaCaptureQuestion): MediaCaptureAnswer;
  /** Legs by the way that their RTP takes, see FLOW_STATES; undefined: the plane has only one. */
  readonly flows: FlowCounts | undefined;
  /** Port pairs in use; 0 when no session is left. */
  readonly pairsInUse: number;
  /** Resolves once the relay was told to drain and its last session has ended. */
  readonly drained: Promise<void>;
  /** New sessions use another address, both IP literals; those that there are keep theirs. */
  move(bind: string, advertised: string): void;
  /** Takes no new sessions any more (E99). */
  drain(): void;
  /** Ends all sessions and closes all sockets. Idempotent. */
  close(): Promise<void>;
}

/** rtpproxy's media ports. */
export const DEFAULT_MIN_PORT = 35_000;
export const DEFAULT_MAX_PORT = 65_000;

/** rtpproxy's own: DSCP EF (RFC 3246). */
const DEFAULT_TOS = 184;

const SILENT: Log = {
  error() {},
  warn() {},
  info() {},
  debug() {},
  trace() {},
  child: () => SILENT,
  isLevelEnabled: () => false,
};

const ANY_IPV4: BindAddress = { family: 4, address: '*', advertised: undefined, label: undefined };

/** @throws ImsError naming the flag and the remedy; nothing is left open then. */
export async function createRelay(config: RelayConfig): Promise<RunningRelay> {
  const { log = SILENT } = config;
  const controls = controlAddresses(config);
  const admission = admissionOf(config);
  const settings = await settingsOf(config, controls, log);
  await testMediaAddresses(settings);
  const routes = await openLocalRoutes();
  const { addresses: inner, external, reservedPorts } = settings;
  const ownControl = new OwnControl(reservedPorts, external === undefined ? inner : [...inner, external], routes);
  const hearsLoopback = [...inner, ...(external === undefined ? [] : [external])].some(({ address }) =>
    isLoopback(address),
  );
  const chosen = await choosePlane(config.plane ?? 'auto', {
    latching: { mode: config.latching ?? 'safe', hearsLoopback },
    ownControl,
    log,
    tos: config.tos ?? DEFAULT_TOS,
    dropsRights: config.dropsRights ?? false,
  });
  let plane: MediaPlane | undefined;
  let drainedNow: () => void = () => {};
  const drained = new Promise<void>((resolve) => {
    drainedNow = resolve;
  });
  const driver = new RelayDriver({
    settings,
    environment: { routes, log, random: (below) => randomInt(below), isOwnControl: ownControl.includes },
    openPlane(listener): MediaPlane {
      plane = chosen.open(listener);
      return plane;
    },
    onDrained: drainedNow,
    onMedia: config.onMedia ?? (() => {}),
    notifier: new NotifySender(log),
    openRecorder: (onFailure) =>
      new Recorder({ directory: config.recording?.directory, spool: config.recording?.spool, log, onFailure }),
  });
  const strangerLog = new LogLimit();
  const handler: ControlHandler = {
    admits: (host, local) => {
      const admitted = admission.admits(host, local);
      const suppressed = admitted ? undefined : strangerLog.allow(performance.now());
      if (suppressed !== undefined) {
        log.warn({ remote: host, count: suppressed }, 'command dropped: --control-from does not name its sender');
      }
      return admitted;
    },
    command: (peer: ControlPeer, text: string) => driver.command(peer, text),
    ended: () => {
      // End of file on standard input drains, unless a datagram socket can still bring commands.
      if (controls.some(({ kind }) => kind === 'stdio') && !survivesEndOfInput(controls)) {
        driver.drain();
      }
    },
  };
  const sockets: ControlSocket[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(sockets.map((socket) => socket.close()));
    await driver.close();
  };
  try {
    for (const control of controls) {
      const socket = await openControl(control, handler);
      sockets.push(socket);
      if (socket.address !== undefined && !isLoopback(socket.address) && !admission.isOpen) {
        const message = `-s ${socket.name}: whoever reaches this socket from another machine would command the relay`;
        throw new ImsError('IMS_ERR_CONTROL_OPEN', message);
      }
      if (socket.port !== undefined) {
        ownControl.add(socket.port);
      }
    }
  } catch (error) {
    await close();
    throw error;
  }
  const [local] = settings.addresses;
  const details: RelayDetails = {
    version: packageVersion(),
    plane: plane?.name ?? 'portable',
    planeReason: chosen.reason,
    bindAddress: local?.address ?? '0.0.0.0',
    advertisedAddress: local?.advertised ?? local?.address ?? '0.0.0.0',
    minPort: settings.minPort,
    maxPort: settings.maxPort,
  };
  if (config.tos !== undefined && plane?.canSetTos !== true) {
    log.warn({}, '-t has no effect: this plane cannot set the IP TOS; mark packets in the firewall');
  }
  if (chosen.fallback) {
    log.warn(
      { plane: details.plane, reason: details.planeReason },
      'another packet plane stands in for the one asked for',
    );
  }
  const capacity = capacityOf(settings);
  warnOfFewFiles(capacity, settings, log);
  log.info(
    {
      plane: details.plane,
      reason: details.planeReason,
      local: sockets.map(({ name }) => name),
      address: details.bindAddress,
      ports: [details.minPort, details.maxPort],
      calls: capacity.calls,
    },
    'relay ready',
  );
  return {
    details,
    control: sockets.map(({ name }) => name),
    socketPaths: sockets.flatMap(({ path }) => (path === undefined ? [] : [path])),
    get sessionCount() {
      return driver.sessionCount;
    },
    get callSessionCount() {
      return driver.callSessionCount;
    },
    get pairsInUse() {
      return driver.pairsInUse;
    },
    drained,
    streams: (limit) => driver.streams(limit),
    capture: (question) => driver.capture(question),
    get flows() {
      return plane?.name === 'kernel' ? Object.fromEntries(plane.totals.flows()) : undefined;
    },
    move: (bind, advertised) => {
      const label = settings.addresses[0]?.label;
      const told = advertised === bind ? undefined : advertised;
      const local = { address: bind, family: familyOf(bind) ?? 4, advertised: told, label };
      ownControl.addAddress(local);
      driver.moveTo(local);
      log.info({ local: bind, address: advertised }, 'new sessions use another address');
    },
    drain: () => driver.drain(),
    close,
  };
}

function controlAddresses(config: RelayConfig): ControlAddress[] {
  const inherited: ControlAddress[] = config.controlFd === undefined ? [] : [inheritedControl(config.controlFd)];
  const texts = config.control ?? (inherited.length > 0 ? [] : [DEFAULT_CONTROL]);
  const parsed = texts.map((text) => {
    const address = parseControlAddress(text);
    if (!address.ok) {
      throw new ImsError('IMS_ERR_USAGE', address.error);
    }
    return address.value;
  });
  const twice = texts.find((text, index) => texts.indexOf(text) !== index);
  if (twice !== undefined) {
    throw new ImsError('IMS_ERR_USAGE', `-s ${twice} is given twice`);
  }
  return [...inherited, ...parsed];
}

function admissionOf({ controlFrom = [] }: RelayConfig): ControlAdmission {
  const admission = ControlAdmission.parse(controlFrom);
  if (!admission.ok) {
    throw new ImsError('IMS_ERR_USAGE', admission.error);
  }
  return admission.value;
}

function inheritedControl(fd: number): ControlAddress {
  const { address, port } = inheritedSocket(fd) ?? { address: '0.0.0.0', port: 0 };
  return { kind: 'udp-fd', fd, family: familyOf(address) ?? 4, port };
}

/** rtpproxy's own bound. */
const MAX_NOTIFY_TARGETS = 64;

function notifyTargets(texts: readonly string[]): NotifyTarget[] {
  if (texts.length > MAX_NOTIFY_TARGETS) {
    throw new ImsError(
      'IMS_ERR_USAGE',
      `-n is given ${texts.length} times; ${MAX_NOTIFY_TARGETS} targets are the most`,
    );
  }
  return texts.map((text) => {
    const target = parseNotifyTarget(text);
    if (!target.ok) {
      throw new ImsError('IMS_ERR_USAGE', `-n ${target.error}`);
    }
    return target.value;
  });
}

function survivesEndOfInput(controls: readonly ControlAddress[]): boolean {
  const ends = controls.some((control) => control.kind === 'stdio' && control.endsAlways);
  return !ends && controls.some(({ kind }) => kind === 'udp' || kind === 'udp-fd');
}

async function settingsOf(config: RelayConfig, controls: readonly ControlAddress[], log: Log): Promise<RelaySettings> {
  const warnings = new Set<string>();
  const resolve = async (bind: BindAddress): Promise<LocalAddress> => {
    if (!isUnicast(bind.address)) {
      throw new ImsError('IMS_ERR_ADDRESS', `-l ${bind.address} is not an address that a socket can send from`);
    }
    const { local, warning } = await resolveBindAddress(bind, config.resolveNames ?? true);
    if (warning !== undefined) {
      warnings.add(warning);
    }
    return local;
  };
  const addresses = await Promise.all((config.addresses ?? [ANY_IPV4]).map(resolve));
  const external = config.external === undefined ? undefined : await resolve(config.external);
  for (const warning of warnings) {
    log.warn({ reason: warning }, 'the bind address is not local');
  }
  for (const { advertised } of external === undefined ? addresses : [...addresses, external]) {
    if (advertised !== undefined && familyOf(advertised) === undefined) {
      log.warn({ address: advertised }, 'the advertised address is not an IP address: clients must resolve it');
    }
  }
  const ttlSeconds = config.ttlSeconds ?? 60;
  const settings: RelaySettings = {
    addresses,
    external,
    minPort: config.minPort ?? DEFAULT_MIN_PORT,
    maxPort: config.maxPort ?? DEFAULT_MAX_PORT,
    sequentialPorts: config.sequentialPorts ?? false,
    reservedPorts: controls.flatMap((control) => ('port' in control && control.port !== 0 ? [control.port] : [])),
    ttlSeconds,
    setupTtlSeconds: config.setupTtlSeconds ?? ttlSeconds,
    ttlPerLeg: config.ttlPerLeg ?? false,
    holdTtlSeconds: config.holdTtlSeconds ?? 1800,
    maxLifetimeSeconds: config.maxLifetimeSeconds ?? 0,
    asymmetricByDefault: config.asymmetricByDefault ?? external !== undefined,
    imsDialect: config.imsDialect ?? 'off',
    notifyTargets: notifyTargets(config.notify ?? []),
    recording:
      config.recording === undefined
        ? undefined
        : {
            format: config.recording.format ?? 'ad-hoc',
            everySession: config.recording.everySession ?? false,
          },
    recordRtcp: config.recordRtcp ?? true,
    maxSessions: DEFAULT_MAX_SESSIONS,
  };
  const range = `-m ${settings.minPort} -M ${settings.maxPort}`;
  if (pairPorts({ ...settings, reserved: [] }).length === 0) {
    throw new ImsError('IMS_ERR_USAGE', `${range} has no room for an even port and the odd one above it`);
  }
  if (pairPorts({ ...settings, reserved: settings.reservedPorts }).length === 0) {
    throw new ImsError('IMS_ERR_USAGE', `${range}: the ports of -s leave no even port with the odd one above it`);
  }
  return settings;
}
