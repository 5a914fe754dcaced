import type { Command } from 'commander';
import { type OptionEntry, optionCatalogue } from './catalogue.ts';

/** Adds `--config` and every option that has a flag to a command. */
export function addConfigFlags(command: Command): Command {
  command.option('-c, --config <path>', 'configuration file (default: config/config.json, which need not exist)');
  for (const option of flagOptions()) {
    const unit = option.unit === undefined ? '' : ` [${option.unit}]`;
    const choices = option.choices === undefined ? '' : ` (${option.choices.join(', ')})`;
    command.option(
      option.type === 'boolean' ? option.flag : `${option.flag} <${placeholder(option)}>`,
      `${option.description}${choices}${unit} (default: ${JSON.stringify(option.default)})`,
    );
  }
  return command;
}

/** The flags that were given, by key path; `loadConfig` takes them as they are. */
export function configFlagValues(command: Command): Record<string, unknown> {
  const given = command.optsWithGlobals();
  const values: Record<string, unknown> = {};
  for (const option of flagOptions()) {
    const value: unknown = given[attributeName(option.flag)];
    if (value !== undefined) {
      values[option.key] = value;
    }
  }
  return values;
}

function flagOptions(): (OptionEntry & { readonly flag: string })[] {
  return optionCatalogue().filter((option): option is OptionEntry & { flag: string } => option.flag !== undefined);
}

function placeholder(option: OptionEntry): string {
  return option.type === 'integer' ? 'n' : 'value';
}

/** commander's own rule: `--min-port` is `minPort`. */
function attributeName(flag: string): string {
  return flag.replace(/^--/, '').replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
