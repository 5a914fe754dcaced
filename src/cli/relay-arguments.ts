/** argv of ims-relay → what to run. Pure: reads nothing but its arguments. */

import type { RelayProcessOptions } from '../app/relay/process.ts';
import { DEFAULT_MAX_PORT, DEFAULT_MIN_PORT, type RecordingConfig, type RelayConfig } from '../app/relay/relay.ts';
import type { BindAddress } from '../io/bind-address.ts';
import { parseControlAddress } from '../io/control/address.ts';
import { ControlAdmission } from '../io/control/admission.ts';
import { type LogLevel, logLevelOf } from '../observe/level.ts';
import { PLANE_CHOICES } from '../planes/choose.ts';
import { LATCHING_MODES } from '../relay/latching/latch.ts';
import { BASE_VERSION, CAPABILITIES } from '../rtpp/capabilities.ts';
import { parseNotifyTarget } from '../rtpp/notify.ts';
import type { AddressFamily } from '../wire/ip-address.ts';
import { err, ok, type Result } from '../wire/result.ts';
import { type GivenOption, getopt } from './getopt.ts';
import { RELAY_OPTIONS, type RelayOption, relayHelp } from './relay-options.ts';

export type RelayInvocation =
  | { readonly kind: 'print'; readonly text: string }
  | { readonly kind: 'run'; readonly options: RelayProcessOptions };

const DEFAULT_PID_FILE = '/var/run/rtpproxy.pid';
const DIALECTS = ['off', 'auto', 'only'] as const;
const FACILITY = /^(?:LOG_)?(?:AUTH|AUTHPRIV|CRON|DAEMON|FTP|KERN|LPR|MAIL|NEWS|SYSLOG|USER|UUCP|LOCAL[0-7])$/i;

/** Errors are sentences that name the flag. */
export function parseRelayArguments(argv: readonly string[], version: string): Result<RelayInvocation, string> {
  const given = getopt<RelayOption>(argv, RELAY_OPTIONS);
  if (!given.ok) {
    return given;
  }
  try {
    return ok(interpret(given.value, version));
  } catch (error) {
    if (error instanceof UsageError) {
      return err(error.message);
    }
    throw error;
  }
}

/** Leaves the interpretation of one option; never leaves this file. */
class UsageError extends Error {}

type Given = GivenOption<RelayOption>;
type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

interface Draft {
  readonly relay: Mutable<Omit<RelayConfig, 'log'>>;
  readonly control: string[];
  readonly controlFrom: string[];
  readonly notify: string[];
  readonly recording: Mutable<Partial<RecordingConfig>>;
  readonly addresses: BindAddress[];
  external: BindAddress | undefined;
  advertised: readonly string[];
  bridgeSymmetric: boolean;
  forceAsymmetric: boolean;
  logLevel: LogLevel;
  pidFile: string | undefined;
  daemon: boolean;
  rootAllowed: boolean;
  user: string | undefined;
  socketMode: number | undefined;
  nice: number | undefined;
}

function interpret(given: readonly Given[], version: string): RelayInvocation {
  const draft: Draft = {
    relay: {},
    control: [],
    controlFrom: [],
    notify: [],
    recording: {},
    addresses: [],
    external: undefined,
    advertised: [],
    bridgeSymmetric: false,
    forceAsymmetric: false,
    logLevel: 'info',
    pidFile: undefined,
    daemon: false,
    rootAllowed: false,
    user: undefined,
    socketMode: undefined,
    nice: undefined,
  };
  for (const option of given) {
    const text = printed(option, version);
    if (text !== undefined) {
      return { kind: 'print', text };
    }
    apply(option, draft);
  }
  return { kind: 'run', options: finish(draft) };
}

/** Options that print something and end the program. */
function printed({ spec }: Given, version: string): string | undefined {
  switch (spec.name) {
    case 'help':
      return relayHelp();
    case 'showVersion':
      return version;
    case 'showClock':
      return 'CLOCK_MONOTONIC';
    case 'showExtensions':
      return [
        `Basic version: ${BASE_VERSION}`,
        ...CAPABILITIES.map(({ date, meaning }) => `Extension ${date}: ${meaning}`),
      ].join('\n');
    default:
      return undefined;
  }
}

function apply(option: Given, draft: Draft): void {
  const { spec, flag, value } = option;
  const { relay } = draft;
  switch (spec.name) {
    case 'refused':
      throw new UsageError(`${flag}: ${spec.refused ?? ''}`);
    case 'listen':
      applyListen(option, 4, draft);
      break;
    case 'listen6':
      applyListen(option, 6, draft);
      break;
    case 'advertise':
      draft.advertised = value.split('/');
      break;
    case 'socket': {
      const address = parseControlAddress(value);
      if (!address.ok) {
        throw new UsageError(address.error);
      }
      draft.control.push(value);
      break;
    }
    case 'controlFrom': {
      const admission = ControlAdmission.parse([value]);
      if (!admission.ok) {
        throw new UsageError(admission.error);
      }
      draft.controlFrom.push(value);
      break;
    }
    case 'recordingDirectory':
      draft.recording.directory = value;
      break;
    case 'spoolDirectory':
      draft.recording.spool = value;
      break;
    case 'pcap':
      draft.recording.format = 'pcap';
      break;
    case 'recordAll':
      draft.recording.everySession = true;
      break;
    case 'noRtcp':
      relay.recordRtcp = false;
      break;
    case 'notify': {
      const target = parseNotifyTarget(value);
      if (!target.ok) {
        throw new UsageError(`${option.flag} ${target.error}`);
      }
      draft.notify.push(value);
      break;
    }
    case 'minPort':
      relay.minPort = integer(option, 1, 65_535);
      break;
    case 'maxPort':
      relay.maxPort = integer(option, 1, 65_535);
      break;
    case 'ttl':
      relay.ttlSeconds = integer(option, 1, 1_000_000);
      break;
    case 'setupTtl':
      relay.setupTtlSeconds = integer(option, 1, 1_000_000);
      break;
    case 'holdTtl':
      relay.holdTtlSeconds = integer(option, 1, 1_000_000);
      break;
    case 'maxLifetime':
      relay.maxLifetimeSeconds = integer(option, 0, 10_000_000);
      break;
    case 'ttlPerLeg':
      relay.ttlPerLeg = true;
      break;
    case 'sequential':
      relay.sequentialPorts = true;
      break;
    case 'noResolve':
      relay.resolveNames = false;
      break;
    case 'plane':
      relay.plane = oneOf(option, PLANE_CHOICES);
      break;
    case 'latching':
      relay.latching = oneOf(option, LATCHING_MODES);
      break;
    case 'imsDialect':
      relay.imsDialect = oneOf(option, DIALECTS);
      break;
    case 'controlFd':
      relay.controlFd = integer(option, 3, 65_535);
      break;
    case 'bridgeSymmetric':
      draft.bridgeSymmetric = true;
      break;
    case 'forceAsymmetric':
      draft.forceAsymmetric = true;
      break;
    case 'logLevel':
      draft.logLevel = logLevel(option);
      break;
    case 'pidFile':
      draft.pidFile = value;
      break;
    case 'daemon':
      draft.daemon = true;
      break;
    case 'rootAllowed':
      draft.rootAllowed = true;
      break;
    case 'user':
      draft.user = value;
      break;
    case 'socketMode':
      draft.socketMode = integer(option, 0, 4095);
      break;
    case 'nice':
      draft.nice = integer(option, -20, 20);
      break;
    case 'tos':
      relay.tos = integer(option, 0, 255);
      break;
    default:
      // Foreground, and what is accepted for the sake of scripts.
      break;
  }
}

/** `[label@]addr[=adv]`, `addr1/addr2`, or `/addr`: the outer half of a bridge. */
function applyListen({ flag, value }: Given, family: AddressFamily, draft: Draft): void {
  const [inner = '', outer, ...more] = value.split('/');
  if (outer !== undefined) {
    const wrong = more.length > 0 || outer === '' || draft.external !== undefined || /[@=]/.test(value);
    if (wrong || (inner === '' && family === 4)) {
      throw new UsageError(`${flag} ${value}: a bridge is written addr1/addr2, once, without label and =adv`);
    }
    draft.external = { family, address: outer, advertised: undefined, label: undefined };
    if (inner !== '') {
      draft.addresses.unshift({ family, address: inner, advertised: undefined, label: undefined });
    }
    return;
  }
  const [, label, address = '', advertised] = /^(?:([^@=]*)@)?([^=]*)(?:=(.*))?$/s.exec(value) ?? [];
  if (address === '' || label === '' || advertised === '' || /\s/.test(value)) {
    throw new UsageError(`${flag} ${value}: an address is written [label@]addr[=advertised]`);
  }
  if (label !== undefined && draft.addresses.some((other) => other.label === label)) {
    throw new UsageError(`${flag} ${value}: the label ${label} is taken`);
  }
  if (label === undefined && draft.addresses.length > 0) {
    throw new UsageError(`${flag} ${value}: every address after the first needs a label (label@addr)`);
  }
  draft.addresses.push({ family, address, advertised, label });
}

function finish(draft: Draft): RelayProcessOptions {
  const { relay, addresses, external, control } = draft;
  if (external !== undefined && addresses.length === 0) {
    throw new UsageError('a bridge needs an inner address, too: -l addr1/addr2, or -l addr1 -6 /addr2');
  }
  const minPort = relay.minPort ?? DEFAULT_MIN_PORT;
  const maxPort = relay.maxPort ?? DEFAULT_MAX_PORT;
  if (minPort > maxPort) {
    throw new UsageError(`-m ${minPort} is above -M ${maxPort}`);
  }
  const held = control.find((text) => /^(?:stdioc?|systemd):/.test(text));
  if (draft.daemon && held !== undefined) {
    throw new UsageError(`-s ${held} belongs to this process: leave --daemon out`);
  }
  const [first, second] = advertisedAddresses(draft);
  const asymmetricByDefault = draft.forceAsymmetric || (external !== undefined && !draft.bridgeSymmetric);
  return {
    relay: {
      ...relay,
      ...(control.length === 0 ? {} : { control }),
      controlFrom: draft.controlFrom,
      notify: draft.notify,
      recording: recordingOf(draft),
      ...(addresses.length === 0 && first === undefined ? {} : { addresses: withAdvertised(addresses, first) }),
      external: external === undefined ? undefined : { ...external, advertised: second },
      asymmetricByDefault,
    },
    logLevel: draft.logLevel,
    pidFile: draft.pidFile ?? (draft.daemon ? DEFAULT_PID_FILE : undefined),
    daemon: draft.daemon,
    rootAllowed: draft.rootAllowed,
    user: draft.user,
    socketMode: draft.socketMode,
    nice: draft.nice,
  };
}

/** The directories are looked at when the relay starts, not here. */
function recordingOf({ recording }: Draft): RecordingConfig | undefined {
  const { directory } = recording;
  if (directory === undefined) {
    const alone = recording.spool !== undefined ? '-S' : recording.everySession === true ? '-a' : undefined;
    if (alone !== undefined) {
      throw new UsageError(`${alone}: recordings need a directory; give it with -r`);
    }
    return undefined;
  }
  return { ...recording, directory };
}

function advertisedAddresses({ advertised, external }: Draft): readonly (string | undefined)[] {
  const wanted = external === undefined ? 1 : 2;
  if (advertised.length > 0 && (advertised.length !== wanted || advertised.some((address) => !/^\S+$/.test(address)))) {
    const form = wanted === 2 ? 'two addresses, adv1/adv2, when bridging' : 'one address';
    throw new UsageError(`-A ${advertised.join('/')}: give ${form}`);
  }
  return advertised;
}

/** `-A` is what the first address advertises, unless that says so itself. */
function withAdvertised(addresses: readonly BindAddress[], advertised: string | undefined): BindAddress[] {
  const [first = { family: 4, address: '*', advertised: undefined, label: undefined } as const, ...rest] = addresses;
  return [{ ...first, advertised: first.advertised ?? advertised }, ...rest];
}

function integer({ flag, value }: Given, min: number, max: number): number {
  const number = Number(value);
  if (!/^-?[0-9]{1,9}$/.test(value) || number < min || number > max) {
    throw new UsageError(`${flag} ${value}: must be a decimal number from ${min} to ${max}`);
  }
  return number;
}

function oneOf<T extends string>({ flag, value }: Given, choices: readonly T[]): T {
  const choice = choices.find((known) => known === value);
  if (choice === undefined) {
    throw new UsageError(`${flag} ${value}: must be one of ${choices.join(', ')}`);
  }
  return choice;
}

function logLevel({ flag, value }: Given): LogLevel {
  const [name = '', facility] = value.split(':');
  const level = logLevelOf(name);
  if (level === undefined) {
    throw new UsageError(`${flag} ${value}: must be DBUG, INFO, WARN, WARNING, ERR, ERROR or CRIT`);
  }
  if (facility !== undefined && !FACILITY.test(facility)) {
    throw new UsageError(`${flag} ${value}: "${facility}" is not a syslog facility`);
  }
  return level;
}
