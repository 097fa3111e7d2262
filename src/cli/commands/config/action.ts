import { inspect } from 'node:util';
import { z } from 'zod';
import { configSchema } from '../../../model/config.ts';
import { configWarnings, unusedIn } from '../../configuration/config-notes.ts';
import type { config } from './declaration.ts';
import type { Action } from '../../command.ts';

export const action: Action<typeof config> = async (context, input) => {
  if (input.schema) {
    const schema = z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' });
    return { json: { ...schema }, text: JSON.stringify(schema, null, 2) };
  }
  const loaded = await context.config();
  const whole = input.env === undefined ? loaded.config : (await context.environment(input.env)).config;
  const value: unknown = withoutUserInfo(whole);
  const warnings = configWarnings(loaded.config, input.env).map((warning) => `WARNING: ${warning}`);
  // A program that reads the value is told beside it.
  if (context.flags.json) for (const warning of warnings) context.output.warn(warning);
  const unused = unusedIn(whole, input.env === undefined ? '' : 'environments.*.');
  const notes = [
    ...(unused.length === 0 ? [] : [context.output.paint('dim', `// Not used by this version: ${unused.join(', ')}`)]),
    ...warnings.map((warning) => context.output.paint('yellow', `// ${warning}`)),
  ];
  const shown = inspect(value, { depth: 12, compact: 3, breakLength: 100, sorted: false, colors: false });
  return {
    json: value as object,
    text: [context.output.paint('dim', `// ${loaded.file}, with every default`), shown, ...notes].join('\n'),
  };
};

/** References to secrets are printed as they are; an address with a user and a password is printed without both. */
function withoutUserInfo(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUserInfo);
  if (typeof value === 'string') return value.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/@\s]+@/i, '$1***@');
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, withoutUserInfo(each)]));
}
