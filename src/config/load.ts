/** Reads the configuration: defaults < file < environment < flags, each value checked once, at the end. */
import { resolve } from 'node:path';
import { ImsError } from '../errors.ts';
import { formatRelayAddress, parseRelayAddress } from '../rtpp/relay-address.ts';
import { familyOf, isMulticast, isWildcard } from '../wire/ip-address.ts';
import { environmentName, type OptionEntry, optionCatalogue } from './catalogue.ts';
import { isObject, type JsonObject, readJsonFile } from './json-file.ts';
import { nearestName } from './nearest.ts';
import { type Config, configSchema } from './schema.ts';
import { budgetWithinGrace, GRACE_VARIABLE } from './termination-grace.ts';
import { valueFromText } from './text-value.ts';
import { addUsersFile } from './users-file.ts';

/** Where the configuration is looked for, relative to the working directory. */
export const DEFAULT_CONFIG_PATH = 'config/config.json';

/** Variables of ours that are not options. */
const RESERVED_ENVIRONMENT = ['IMS_LAUNCH_RUN_ID', 'IMS_LAUNCH_GEN', 'IMS_LAUNCH_PARENT_WATCH'];

const MAX_FILE_BYTES = 1024 * 1024;

/** Fewer port pairs than this cannot carry one call with audio: each call takes two. */
const MIN_PORT_PAIRS = 2;

export interface ConfigSources {
  /** `--config`; undefined looks at DEFAULT_CONFIG_PATH, which need not exist. */
  readonly path?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Values of command-line flags by key path, for example `{ 'relay.minPort': '12000' }`. */
  readonly flags: Readonly<Record<string, unknown>>;
  readonly cwd: string;
}

export interface LoadedConfig {
  readonly config: Config;
  /** Absolute path of the file that was read, or that would be read; watch this one. */
  readonly path: string;
  /** False: the default path has no file, and the defaults are in force. */
  readonly fileFound: boolean;
  /** Absolute path of the file of further accounts, which need not be there; watch this one too. */
  readonly usersPath: string;
  readonly usersFound: boolean;
  /** Sentences for the operator; the configuration is valid all the same. */
  readonly warnings: readonly string[];
  /** Key paths that flags set, with their text: children inherit them through the environment. */
  readonly flags: Readonly<Record<string, unknown>>;
  /** Where a key's value came from, if not from the file: `environment variable SERVER_IP`, `flag --advertise`. */
  readonly origins: ReadonlyMap<string, string>;
}

/** @throws ImsError IMS_ERR_CONFIG_MISSING, IMS_ERR_CONFIG_SYNTAX, IMS_ERR_CONFIG_INVALID */
export function loadConfig(sources: ConfigSources): LoadedConfig {
  const path = resolve(sources.cwd, sources.path ?? DEFAULT_CONFIG_PATH);
  const warnings: string[] = [];
  const file = readConfigFile(path, sources.path !== undefined);
  if (file === undefined) {
    warnings.push(`no configuration file at ${path}: starting with the defaults`);
  }
  const origins = new Map<string, string>();
  const raw = file ?? {};
  warnings.push(...removeUnknownKeys(raw, path));
  applyEnvironment(raw, sources.env, origins, warnings);
  applyFlags(raw, sources.flags, origins);
  warnings.push(...fitIntoGrace(raw, sources.env, origins));
  const config = validate(raw, path, origins);
  checkTogether(config);
  const users = addUsersFile(config, raw['USERS'] !== undefined, sources.cwd);
  warnings.push(...users.warnings);
  return {
    config: { ...config, USERS: users.accounts },
    path,
    fileFound: file !== undefined,
    usersPath: users.path,
    usersFound: users.found,
    warnings,
    flags: sources.flags,
    origins,
  };
}

/** Undefined: the default path, where nothing is. */
function readConfigFile(path: string, required: boolean): JsonObject | undefined {
  const file = readJsonFile(path, MAX_FILE_BYTES);
  if (file.found) {
    return file.object;
  }
  if (required) {
    throw new ImsError('IMS_ERR_CONFIG_MISSING', `cannot read the configuration file ${path} (${file.code})`);
  }
  return undefined;
}

/** Deletes keys that no option has, and says which option each one most likely meant. */
function removeUnknownKeys(raw: JsonObject, path: string): string[] {
  const known = optionCatalogue().map((option) => option.key);
  const groups = new Set(known.flatMap(groupsOf));
  const warnings: string[] = [];
  const check = (object: JsonObject, prefix: string): void => {
    for (const name of Object.keys(object)) {
      const key = prefix + name;
      const value = object[name];
      if (groups.has(key)) {
        if (isObject(value)) {
          check(value, `${key}.`);
        }
      } else if (!known.includes(key) && name !== '$schema') {
        const siblings = [...known, ...groups].filter((other) => other.startsWith(prefix));
        const meant = nearestName(key, siblings);
        warnings.push(
          `${path}: unknown key "${key}" is ignored${meant === undefined ? '' : `; did you mean "${meant}"?`}`,
        );
        delete object[name];
      }
    }
  };
  check(raw, '');
  delete raw['$schema'];
  return warnings;
}

function applyEnvironment(
  raw: JsonObject,
  env: ConfigSources['env'],
  origins: Map<string, string>,
  warnings: string[],
): void {
  const names = new Set(RESERVED_ENVIRONMENT);
  for (const option of optionCatalogue()) {
    // The older name first, so that IMS_LAUNCH_… wins where both are set.
    for (const name of option.env) {
      names.add(name);
      const text = env[name]?.trim();
      if (text !== undefined && text !== '') {
        setFromText(raw, option, text, `environment variable ${name}`, origins);
      }
    }
  }
  for (const name of Object.keys(env)) {
    if (name.startsWith('IMS_LAUNCH_') && !names.has(name)) {
      const meant = nearestName(name, [...names]);
      warnings.push(
        `unknown environment variable ${name} is ignored${meant === undefined ? '' : `; did you mean ${meant}?`}`,
      );
    }
  }
}

/** A stop budget that nobody chose is fitted to the time that we are given; one that does not fit is told. */
function fitIntoGrace(raw: JsonObject, env: ConfigSources['env'], origins: Map<string, string>): string[] {
  const budgetMs = budgetWithinGrace(env);
  const supervisor = isObject(raw['supervisor']) ? raw['supervisor'] : {};
  const chosen = supervisor['stopBudgetMs'];
  if (budgetMs === undefined) {
    return [];
  }
  if (chosen === undefined) {
    setByPath(raw, 'supervisor.stopBudgetMs', budgetMs);
    origins.set('supervisor.stopBudgetMs', `environment variable ${GRACE_VARIABLE}`);
    return [];
  }
  return Number(chosen) > budgetMs
    ? [`supervisor.stopBudgetMs ${chosen} does not fit into ${GRACE_VARIABLE}: at most ${budgetMs} leaves time to end`]
    : [];
}

function applyFlags(raw: JsonObject, flags: ConfigSources['flags'], origins: Map<string, string>): void {
  for (const option of optionCatalogue()) {
    const value = flags[option.key];
    if (value === undefined) {
      continue;
    }
    const origin = `flag ${option.flag ?? option.key}`;
    if (typeof value === 'string') {
      setFromText(raw, option, value, origin, origins);
    } else {
      setByPath(raw, option.key, value);
      origins.set(option.key, origin);
    }
  }
}

function setFromText(
  raw: JsonObject,
  option: OptionEntry,
  text: string,
  origin: string,
  origins: Map<string, string>,
): void {
  const value = valueFromText(option, text);
  if (!value.ok) {
    const shown = option.secret ? '' : `, but is ${JSON.stringify(text)}`;
    throw new ImsError('IMS_ERR_CONFIG_INVALID', `${origin} ${value.error}${shown}`);
  }
  setByPath(raw, option.key, value.value);
  origins.set(option.key, origin);
}

function setByPath(raw: JsonObject, key: string, value: unknown): void {
  const path = key.split('.');
  const last = path.pop() ?? '';
  let object = raw;
  for (const name of path) {
    const group = object[name];
    const inner = isObject(group) ? group : {};
    object[name] = inner;
    object = inner;
  }
  object[last] = value;
}

/** `a` and `a.b` of `a.b.c`. */
function groupsOf(key: string): string[] {
  const names = key.split('.').slice(0, -1);
  return names.map((_, index) => names.slice(0, index + 1).join('.'));
}

function validate(raw: JsonObject, path: string, origins: ReadonlyMap<string, string>): Config {
  const parsed = configSchema.safeParse(raw);
  if (parsed.success) {
    return parsed.data;
  }
  const sentences = parsed.error.issues.map((issue) => {
    const key = issue.path.map(String).join('.');
    const option = optionCatalogue().find((entry) => key === entry.key || key.startsWith(`${entry.key}.`));
    const origin = origins.get(option?.key ?? key) ?? path;
    const shown = option?.secret ? '' : ` (it is ${shorten(valueAt(raw, issue.path))})`;
    const rule = issue.code === 'invalid_key' ? (issue.issues[0]?.message ?? issue.message) : issue.message;
    return `${origin}: ${key}: ${rule}${shown}`;
  });
  throw new ImsError('IMS_ERR_CONFIG_INVALID', sentences.join('\n'));
}

function valueAt(raw: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, part) => (value as Record<PropertyKey, unknown> | undefined)?.[part], raw);
}

function shorten(value: unknown): string {
  const text = JSON.stringify(value) ?? 'missing';
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

/** Rules that join several keys, or that a JSON schema cannot state. */
function checkTogether(config: Config): void {
  const { minPort, maxPort } = config.relay;
  const firstEven = minPort + (minPort % 2);
  const pairs = Math.floor((maxPort - firstEven + 1) / 2);
  if (minPort > maxPort) {
    throw invalid(`relay.minPort (${minPort}) must not exceed relay.maxPort (${maxPort}): swap them`);
  }
  if (pairs < MIN_PORT_PAIRS) {
    throw invalid(
      `relay.minPort ${minPort} to relay.maxPort ${maxPort} holds ${pairs} RTP/RTCP port pair(s); one call needs ` +
        `${MIN_PORT_PAIRS}, so widen the range`,
    );
  }
  for (const key of ['SERVER_PORT', 'relay.port'] as const) {
    const port = key === 'SERVER_PORT' ? config.SERVER_PORT : config.relay.port;
    if (port >= minPort && port <= maxPort) {
      throw invalid(`${key} ${port} lies inside the media port range ${minPort}-${maxPort}: move one of them`);
    }
  }
  checkAddress('SERVER_ADDR', config.SERVER_ADDR);
  checkAddress('relay.bindAddress', config.relay.bindAddress);
  checkFurtherRelays(config.relay);
  for (const key of ['trustedPeers', 'wsTrustedProxies'] as const) {
    for (const peer of config.ims[key]) {
      if (familyOf(peer) === undefined) {
        throw invalid(`ims.${key}: "${peer}" is not an IP address`);
      }
    }
  }
}

/** The main relay's own socket among the further ones would be one relay with two weights. */
function checkFurtherRelays({ host, port, further }: Config['relay']): void {
  const known = new Set([`udp:${host}:${port}`]);
  for (const [index, { control, mediaAddress }] of further.entries()) {
    const key = `relay.further[${index}]`;
    const address = parseRelayAddress(control);
    if (!address.ok) {
      throw invalid(`${key}.control: ${address.error}`);
    }
    const name = formatRelayAddress(address.value);
    if (known.has(name)) {
      throw invalid(`${key}.control: ${control} is named twice; a larger weight gives a relay more calls`);
    }
    known.add(name);
    if (mediaAddress !== undefined && (familyOf(mediaAddress) === undefined || isWildcard(mediaAddress))) {
      throw invalid(`${key}.mediaAddress: "${mediaAddress}" is not the IP address of a host`);
    }
  }
}

function checkAddress(key: string, text: string): void {
  const looksNumeric = /^[0-9.]+$/.test(text) || text.includes(':');
  const isName = /^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252}[A-Za-z0-9_.])?$/.test(text);
  if (familyOf(text) === undefined && (looksNumeric || !isName)) {
    throw invalid(`${key} "${text}" is neither AUTO_DETECT, an IP address nor a host name`);
  }
  if (isMulticast(text)) {
    throw invalid(`${key} ${text} is a multicast address; phones need an address of one host`);
  }
  if (key === 'SERVER_ADDR' && isWildcard(text)) {
    throw invalid(`${key} ${text} cannot be told to phones; use AUTO_DETECT or one address of this machine`);
  }
}

function invalid(sentence: string): ImsError {
  return new ImsError('IMS_ERR_CONFIG_INVALID', sentence);
}

/** `IMS_LAUNCH_…` variables that give a child the values that our own flags set. */
export function flagEnvironment(flags: LoadedConfig['flags']): Record<string, string> {
  const entries = Object.entries(flags).filter(([, value]) => value !== undefined);
  return Object.fromEntries(
    entries.map(([key, value]) => [environmentName(key), typeof value === 'string' ? value : JSON.stringify(value)]),
  );
}
