/**
 * The flat list of all options, derived from the zod schema: what the README's table, --help, the environment
 * variables and the messages about bad values are made of.
 */
import { z } from 'zod';
import { configSchema } from './schema.ts';

/** The part of a JSON schema node that the catalogue reads; `env`, `flag`, `unit` and `secret` come from `.meta()`. */
interface SchemaNode {
  readonly type?: string | readonly string[];
  readonly anyOf?: readonly SchemaNode[];
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly enum?: readonly string[];
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly description?: string;
  readonly env?: string;
  readonly flag?: string;
  readonly unit?: string;
  readonly secret?: boolean;
}

export type OptionType = 'string' | 'integer' | 'boolean' | 'array' | 'object';

export interface OptionEntry {
  /** Key path in config.json, for example `relay.minPort`. */
  readonly key: string;
  readonly type: OptionType;
  readonly nullable: boolean;
  readonly default: unknown;
  readonly choices: readonly string[] | undefined;
  readonly minimum: number | undefined;
  readonly maximum: number | undefined;
  readonly description: string;
  readonly unit: string | undefined;
  readonly flag: string | undefined;
  /** Environment variables that set it, the older name first. */
  readonly env: readonly string[];
  readonly secret: boolean;
}

/** The JSON schema of config.json as editors read it. */
export function configJsonSchema(): Record<string, unknown> {
  return z.toJSONSchema(configSchema, { io: 'input', target: 'draft-2020-12' }) as Record<string, unknown>;
}

/** Every option, in the order of the schema. */
export function optionCatalogue(): readonly OptionEntry[] {
  catalogue ??= walk(configJsonSchema() as SchemaNode, []);
  return catalogue;
}

/** `IMS_LAUNCH_RELAY_MIN_PORT` for `relay.minPort`. */
export function environmentName(key: string): string {
  const words = key.replace(/([a-z])([A-Z])/g, '$1_$2').replaceAll('.', '_');
  return `IMS_LAUNCH_${words.toUpperCase()}`;
}

let catalogue: readonly OptionEntry[] | undefined;

function walk(node: SchemaNode, path: readonly string[]): OptionEntry[] {
  return Object.entries(node.properties ?? {}).flatMap(([name, child]) => {
    const here = [...path, name];
    return child.properties === undefined ? [entryOf(here.join('.'), child)] : walk(child, here);
  });
}

function entryOf(key: string, node: SchemaNode): OptionEntry {
  const alternatives = node.anyOf ?? [node];
  const main = alternatives.find((alternative) => alternative.type !== 'null') ?? node;
  const type = Array.isArray(main.type) ? main.type[0] : main.type;
  return {
    key,
    type: type === 'number' ? 'integer' : ((type ?? 'string') as OptionType),
    nullable: alternatives.some((alternative) => alternative.type === 'null'),
    default: node.default,
    choices: main.enum,
    minimum: main.minimum,
    maximum: main.maximum,
    description: node.description ?? '',
    unit: node.unit,
    flag: node.flag,
    env: [...(node.env === undefined ? [] : [node.env]), environmentName(key)],
    secret: node.secret === true,
  };
}
