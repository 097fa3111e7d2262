import { z } from 'zod';
import { configSchema } from '../../model/config.ts';
import { nearest } from '../nearest.ts';

/** One mistake of a configuration file: where, what is wrong, what would be right. */
export interface ConfigMistake {
  /** `environments.prod.backup.retention.keep`; `(file)` for the whole. */
  readonly path: string;
  readonly wrong: string;
  readonly right: string;
}

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

/** Every mistake of a configuration as it was written, in the order of the file. Empty when it is valid. */
export function configMistakes(written: unknown): readonly ConfigMistake[] {
  const parsed = configSchema.safeParse(written);
  return parsed.success ? [] : parsed.error.issues.flatMap((issue) => fromIssue(issue, [], written));
}

export function mistakeText(mistake: ConfigMistake): string {
  return `${mistake.path}: ${mistake.wrong}; ${mistake.right}`;
}

function fromIssue(issue: Issue, above: Path, written: unknown): readonly ConfigMistake[] {
  const path = [...above, ...issue.path];
  const value = valueAt(written, path);
  const say = (wrong: string, right: string): readonly ConfigMistake[] => [{ path: pathText(path), wrong, right }];
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownKey(path, key));
    case 'invalid_union':
      return fromUnion(issue, path, written);
    case 'invalid_type':
      return value === undefined
        ? say('is missing', expected(path, issue.expected))
        : say(`is ${kindOf(value)}`, expected(path, issue.expected));
    case 'invalid_value':
      return say(isSecretPlace(path) ? 'is not a known value' : `is ${show(value)}`, oneOf(value, issue.values));
    case 'invalid_key':
      return say('is not a valid name', issue.issues[0]?.message ?? 'use another name');
    case 'too_small':
    case 'too_big':
      return say(
        `is ${typeof value === 'number' ? value : `too ${issue.code === 'too_small' ? 'short' : 'long'}`}`,
        limit(issue),
      );
    case 'custom': {
      const [wrong = issue.message, right = 'see docs/configuration.md'] = issue.message.split('; ');
      return say(wrong, right);
    }
    default:
      return say(isSecretPlace(path) ? 'does not fit' : `is ${show(value)}`, issue.message);
  }
}

/** The branch of a union that was meant: the one whose `kind` fits, else the one with the fewest mistakes. */
function fromUnion(issue: Issue & { code: 'invalid_union' }, path: Path, written: unknown): readonly ConfigMistake[] {
  const value = valueAt(written, path);
  if (issue.errors.length === 0) {
    const kinds = 'options' in issue && Array.isArray(issue.options) ? issue.options : [];
    return [
      {
        path: pathText(path),
        wrong: value === undefined ? 'is missing' : `is ${show(value)}`,
        right: oneOf(value, kinds),
      },
    ];
  }
  if (isSecretPlace(path)) {
    // The value may be the secret itself: it is never repeated.
    const right = `write where the secret is kept: { env: 'NAME' }, { file: '/path' } or { secret: 'name', key: 'key' }`;
    return [{ path: pathText(path), wrong: 'is not a reference to a secret', right }];
  }
  const wrongKind = (branch: readonly Issue[]) => branch.find((one) => one.path.length === 1 && one.path[0] === 'kind');
  const meant = issue.errors.find((branch) => wrongKind(branch) === undefined);
  if (meant !== undefined) return meant.flatMap((one) => fromIssue(one, path, written));
  const kinds = issue.errors.flatMap((branch) => {
    const one = wrongKind(branch);
    return one?.code === 'invalid_value' ? one.values : [];
  });
  const kind = valueAt(value, ['kind']);
  return [
    {
      path: pathText([...path, 'kind']),
      wrong: kind === undefined ? 'is missing' : `is ${show(kind)}`,
      right: oneOf(kind, kinds),
    },
  ];
}

function unknownKey(path: Path, key: string): ConfigMistake {
  const known = knownKeys(configSchema, path);
  const near = nearest(key, known);
  const right = near === undefined ? `known here: ${known.join(', ')}` : `did you mean "${near}"?`;
  return { path: pathText([...path, key]), wrong: 'is not a known setting', right };
}

function oneOf(value: unknown, values: readonly unknown[]): string {
  const words = values.map(String);
  const near = typeof value === 'string' ? nearest(value, words) : undefined;
  const all = `use ${words.length > 1 ? 'one of ' : ''}${words.join(', ')}`;
  return near === undefined ? all : `did you mean "${near}"? ${all}`;
}

function expected(path: Path, type: string): string {
  const known = type === 'object' ? knownKeys(configSchema, path) : [];
  if (known.length > 0) return `write an object with ${known.join(', ')}`;
  return `write ${/^[aeiou]/.test(type) ? 'an' : 'a'} ${type}`;
}

function limit(issue: Issue & { code: 'too_small' | 'too_big' }): string {
  const [bound, word] = issue.code === 'too_small' ? [issue.minimum, 'least'] : [issue.maximum, 'most'];
  const unit = issue.origin === 'string' ? ' characters' : issue.origin === 'array' ? ' entries' : '';
  return issue.inclusive === false
    ? `write a number ${issue.code === 'too_small' ? 'above' : 'below'} ${bound}`
    : `use at ${word} ${bound}${unit}`;
}

/** Keys that the schema knows at a path; of a union, those of every branch. */
function knownKeys(schema: z.core.$ZodType, path: Path): readonly string[] {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional) {
    return knownKeys(schema.def.innerType, path);
  }
  // What is written, of what is filled in afterwards.
  if (schema instanceof z.ZodPipe) return knownKeys(schema.def.in, path);
  if (schema instanceof z.ZodUnion) {
    return [...new Set(schema.def.options.flatMap((option) => knownKeys(option, path)))];
  }
  const [head, ...rest] = path;
  if (schema instanceof z.ZodRecord) return head === undefined ? [] : knownKeys(schema.def.valueType, rest);
  if (schema instanceof z.ZodObject) {
    const shape: Readonly<Record<string, z.core.$ZodType>> = schema.def.shape;
    if (head === undefined) return Object.keys(shape);
    const next = shape[String(head)];
    return next === undefined ? [] : knownKeys(next, rest);
  }
  return [];
}

/** A person may have written the secret itself where a reference belongs, so its value is not shown. */
function isSecretPlace(path: Path): boolean {
  return path.some((part) => /key|secret|token|password|webhook/i.test(String(part)));
}

function valueAt(written: unknown, path: Path): unknown {
  let value = written;
  for (const part of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = Reflect.get(value, part);
  }
  return value;
}

function pathText(path: Path): string {
  if (path.length === 0) return '(file)';
  return path.map((part) => (/^[\w-]+$/.test(String(part)) ? String(part) : JSON.stringify(part))).join('.');
}

function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value);
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : kindOf(value);
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return `${/^[aeiou]/.test(typeof value) ? 'an' : 'a'} ${typeof value}`;
}
