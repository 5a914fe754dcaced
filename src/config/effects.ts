/**
 * What a changed option does to a system that runs. The compiler demands a line for every option, so none can be
 * forgotten, and whoever adds one has to decide.
 */
import type { Config } from './schema.ts';

export type ReloadEffect =
  /** ims-launch itself goes by the new value from now on. */
  | 'live'
  /** A process is stopped as it was started to be; the next one of the service goes by the new value. */
  | 'next-process'
  /** The built-in IMS takes it as it runs; an external one is told by `ims.reloadSignal`, or keeps its own counsel. */
  | 'live-ims'
  /** New calls use the new address, calls in progress keep theirs (`reload.onAddressChange`). */
  | 'address'
  | 'restart-ims'
  | 'restart-relay'
  /** The same, but only the built-in program is ever told this value: an external command has its own. */
  | 'restart-own-ims'
  | 'restart-own-relay'
  /** It holds for the whole run: ims-launch has to be started again. */
  | 'next-start';

/** `relay.minPort` and the like: the paths to everything in the configuration that is an option of its own. */
type KeysOf<T, Prefix extends string = ''> = {
  [K in keyof T & string]-?: NonNullable<T[K]> extends readonly unknown[]
    ? `${Prefix}${K}`
    : NonNullable<T[K]> extends object
      ? string extends keyof NonNullable<T[K]>
        ? `${Prefix}${K}`
        : KeysOf<NonNullable<T[K]>, `${Prefix}${K}.`>
      : `${Prefix}${K}`;
}[keyof T & string];

export type OptionKey = KeysOf<Config>;

export const RELOAD_EFFECTS = {
  SERVER_ADDR: 'address',
  FORCE_LOCAL_ADDR: 'address',
  LOG_LEVEL: 'live',
  SERVER_PORT: 'restart-ims',
  SERVER_PUBLIC_PORT: 'restart-ims',
  USERS: 'live-ims',
  CDR_MERGE_MODE: 'live-ims',
  dataDir: 'restart-own-ims',
  cdrFormats: 'restart-own-ims',

  // The control socket is how everything finds the relay, and names the lock.
  'relay.host': 'next-start',
  'relay.port': 'next-start',
  'relay.controlFrom': 'restart-own-relay',
  'relay.weight': 'live-ims',
  'relay.further': 'live-ims',
  'relay.autoStart': 'live',
  'relay.bindAddress': 'address',
  'relay.minPort': 'restart-own-relay',
  'relay.maxPort': 'restart-own-relay',
  'relay.timeoutSeconds': 'restart-own-relay',
  'relay.timeoutEachParty': 'restart-own-relay',
  'relay.holdTimeoutSeconds': 'restart-own-relay',
  'relay.maxSessionSeconds': 'restart-own-relay',
  'relay.plane': 'restart-own-relay',
  'relay.latching': 'restart-own-relay',
  'relay.imsDialect': 'restart-own-relay',
  'relay.recordingDirectory': 'restart-own-relay',
  'relay.spoolDirectory': 'restart-own-relay',
  'relay.recordingFormat': 'restart-own-relay',
  'relay.recordEverySession': 'restart-own-relay',
  'relay.notify': 'restart-own-relay',
  'relay.command': 'restart-relay',
  'relay.cwd': 'restart-relay',
  'relay.env': 'restart-relay',
  'relay.startTimeoutMs': 'live',
  'relay.restart': 'live',
  'relay.successExitCodes': 'live',
  'relay.stopSignal': 'next-process',
  'relay.stopCommand': 'live',
  'relay.killMode': 'next-process',

  'ims.domains': 'live-ims',
  // A nonce is bound to its realm.
  'ims.realm': 'restart-own-ims',
  'ims.algorithms': 'restart-own-ims',
  'ims.minExpiresSeconds': 'live-ims',
  'ims.maxExpiresSeconds': 'live-ims',
  'ims.flowTimerSeconds': 'live-ims',
  'ims.traceMessages': 'restart-own-ims',
  'ims.hepTarget': 'restart-own-ims',
  'ims.hepCaptureId': 'restart-own-ims',
  'ims.hepPassword': 'restart-own-ims',
  'ims.ringTimeoutSeconds': 'live-ims',
  'ims.ringGroupSeconds': 'live-ims',
  'ims.followRedirects': 'live-ims',
  'ims.sessionExpiresSeconds': 'live-ims',
  'ims.minSessionExpiresSeconds': 'live-ims',
  'ims.maxCallsPerUser': 'live-ims',
  'ims.maxCalls': 'live-ims',
  'ims.storedMessagesPerUser': 'live-ims',
  'ims.storedMessageSeconds': 'live-ims',
  'ims.trustedPeers': 'live-ims',
  'ims.banAfterFailures': 'live-ims',
  'ims.guardAfterFailures': 'live-ims',
  'ims.banSeconds': 'live-ims',
  'ims.routes': 'live-ims',
  'ims.udpRequestBytes': 'live-ims',
  'ims.tcp': 'restart-own-ims',
  'ims.tlsPort': 'restart-own-ims',
  'ims.tlsCertificate': 'restart-own-ims',
  'ims.tlsKey': 'restart-own-ims',
  'ims.wsPort': 'restart-own-ims',
  'ims.wssPort': 'restart-own-ims',
  'ims.wsOrigins': 'restart-own-ims',
  'ims.wsTrustedProxies': 'restart-own-ims',
  'ims.maxConnections': 'restart-own-ims',
  'ims.command': 'restart-ims',
  'ims.cwd': 'restart-ims',
  'ims.env': 'restart-ims',
  'ims.startTimeoutMs': 'live',
  'ims.restart': 'live',
  'ims.successExitCodes': 'live',
  'ims.stopSignal': 'next-process',
  'ims.stopCommand': 'live',
  'ims.killMode': 'next-process',
  'ims.onRelayRestart': 'live',
  'ims.reloadSignal': 'live',

  'reload.onAddressChange': 'live',
  'reload.rollbackOnFailure': 'live',

  'supervisor.stopBudgetMs': 'live',
  'supervisor.healthIntervalMs': 'live',
  'supervisor.imsHealthIntervalMs': 'live',
  'supervisor.imsHealthAction': 'live',
  'supervisor.mediaCheckIntervalMs': 'live',
  'supervisor.mediaCheckOfFound': 'live',
  'supervisor.maxDegradedMs': 'live',
  'supervisor.heartbeatTimeoutMs': 'live',
  'supervisor.giveUp': 'live',
  'supervisor.strategy': 'live',
  'supervisor.restartDelaysMs': 'live',
  'supervisor.stableAfterMs': 'live',
  'supervisor.bootAttempts': 'live',
  'supervisor.restartBudget.restarts': 'live',
  'supervisor.restartBudget.windowMs': 'live',
  'supervisor.strictStop': 'live',
  'supervisor.purgeRelayOnImsExit': 'live',
  'supervisor.drainMaxMs': 'live',
  'supervisor.requireRelay': 'live',
  'dashboard.listen': 'next-start',
  'dashboard.token': 'next-start',
  'dashboard.hosts': 'next-start',

  'log.file': 'live',
  'log.maxSizeBytes': 'live',
  'log.maxFiles': 'live',
  'log.redact': 'live',
  'supervisor.pidFile': 'next-start',
  // The children of this run were told at their start.
  'supervisor.onSupervisorDeath': 'next-start',
} as const satisfies Record<OptionKey, ReloadEffect>;

export function reloadEffectOf(key: string): ReloadEffect {
  return RELOAD_EFFECTS[key as OptionKey];
}
