/** What a changed configuration means for the system that runs. */
import { optionCatalogue } from '../../config/catalogue.ts';
import { type ReloadEffect, reloadEffectOf } from '../../config/effects.ts';
import type { Config } from '../../config/schema.ts';
import type { ServiceName } from '../../supervisor/state.ts';

export interface ReloadPlan {
  /** Options that differ, in the order of the schema. */
  readonly keys: readonly string[];
  /** Those that are in force without a restart: for ims-launch, and for programs that take them as they run. */
  readonly live: readonly string[];
  /** Those that hold for the whole run: they keep their value. */
  readonly pending: readonly string[];
  /** Those of a relay that somebody else started. */
  readonly refused: readonly string[];
  readonly restarts: readonly { readonly service: ServiceName; readonly whenIdle: boolean }[];
  readonly addressChanged: boolean;
  /** Whether the IMS is to be told. */
  readonly concernsIms: boolean;
}

export function planReload(former: Config, next: Config, { relayIsOurs }: { relayIsOurs: boolean }): ReloadPlan {
  const keys = changedKeys(former, next);
  const { onAddressChange } = next.reload;
  const effects = new Map<string, ReloadEffect>(
    keys.map((key) => {
      const effect = reloadEffectOf(key);
      return [key, effect === 'address' && onAddressChange === 'ignore' ? 'next-start' : effect];
    }),
  );
  const having = (...wanted: readonly ReloadEffect[]): string[] =>
    keys.filter((key) => wanted.includes(effects.get(key) as ReloadEffect));
  const addressChanged = having('address').length > 0;
  const isOurs = { relay: next.relay.command === undefined, ims: next.ims.command === undefined };
  const relayRestart = having('restart-relay').length > 0 || (isOurs.relay && having('restart-own-relay').length > 0);
  const imsRestart = having('restart-ims').length > 0 || (isOurs.ims && having('restart-own-ims').length > 0);
  // An external IMS got the address in its environment; our own takes it by message.
  const imsMoves = addressChanged && !isOurs.ims;
  const restarts: { service: ServiceName; whenIdle: boolean }[] = [];
  if (relayRestart && relayIsOurs) {
    restarts.push({ service: 'relay', whenIdle: false });
  }
  if (imsRestart || imsMoves) {
    restarts.push({ service: 'ims', whenIdle: !imsRestart && onAddressChange === 'live' });
  }
  return {
    keys,
    live: having('live', 'live-ims', 'next-process', 'address'),
    pending: having('next-start'),
    refused: relayIsOurs ? [] : having('restart-relay', 'restart-own-relay'),
    restarts,
    addressChanged,
    // The time after which the relay forgets a session is the IMS's as well.
    concernsIms: addressChanged || having('live-ims').length > 0 || keys.includes('relay.timeoutSeconds'),
  };
}

/** `next`, with the values of `former` at the keys that cannot change in this run. */
export function withKept(former: Config, next: Config, kept: readonly string[]): Config {
  const merged = structuredClone(next);
  for (const key of kept) {
    const path = key.split('.');
    const last = path.pop() as string;
    const group = path.reduce<Record<string, unknown>>((at, name) => at[name] as Record<string, unknown>, merged);
    group[last] = valueAt(former, key);
  }
  return merged;
}

/** Options whose values differ; the order of names within a value says nothing. */
export function changedKeys(former: Config, next: Config): string[] {
  return optionCatalogue()
    .map((option) => option.key)
    .filter((key) => canonical(valueAt(former, key)) !== canonical(valueAt(next, key)));
}

/** For people: the values before and after, secrets left out. */
export function describeChange(former: Config, next: Config, key: string): string {
  const isSecret = optionCatalogue().some((option) => option.key === key && option.secret);
  const show = (config: Config): string => {
    const value = valueAt(config, key);
    return isSecret ? namesIn(value) : shown(value);
  };
  return `${key}: ${show(former)} → ${show(next)}`;
}

/** Whose values they are, without the values. */
function namesIn(value: unknown): string {
  return typeof value === 'object' && value !== null ? `{${cut(Object.keys(value).sort().join(', '))}} …` : '…';
}

const MAX_SHOWN = 120;

function cut(text: string): string {
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN - 1)}…` : text;
}

function shown(value: unknown): string {
  const words = Array.isArray(value) ? withoutSecretWords(value) : value;
  return cut(JSON.stringify(words) ?? 'unset');
}

const SECRET_NAME = /pass|secret|token|key|auth|cred/i;

/** A command line: `--password=x`, and `x` after `--password`. */
function withoutSecretWords(words: readonly unknown[]): readonly unknown[] {
  return words.map((word, index) => {
    if (typeof word !== 'string') {
      return word;
    }
    const [name = ''] = word.split('=', 1);
    if (word.includes('=') && SECRET_NAME.test(name)) {
      return `${name}=…`;
    }
    const before = words[index - 1];
    return typeof before === 'string' && /^-/.test(before) && !before.includes('=') && SECRET_NAME.test(before)
      ? '…'
      : word;
  });
}

function valueAt(config: Config, key: string): unknown {
  return key
    .split('.')
    .reduce<unknown>((value, name) => (value as Record<string, unknown> | undefined)?.[name], config);
}

function canonical(value: unknown): string {
  return (
    JSON.stringify(value, (_, part: unknown) =>
      typeof part === 'object' && part !== null && !Array.isArray(part)
        ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
        : part,
    ) ?? ''
  );
}
