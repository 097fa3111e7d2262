import { z } from 'zod';

/** JSON bytes. Four lists of lines, or ten of names, are less than a step's result may have. */
const longest = { name: 130, line: 240 };
const most = { name: 600, line: 1000 };

/**
 * What a step's result, which is small, says of a list that may be long: how many there are, and the first of them.
 * Results of before held the whole list.
 */
export const someNames = someOf('name');
/** The same of lines of text; all of them, and the whole of each, are in the step's log. */
export const someLines = someOf('line');
export interface SomeNames {
  readonly count: number;
  readonly first: readonly string[];
}

function someOf(kind: keyof typeof most): z.ZodType<SomeNames> {
  const shape = z.object({ count: z.number().int().nonnegative(), first: z.array(z.string()).max(20) });
  return z.preprocess(
    (value) => (Array.isArray(value) ? first(value.map(String), { kind, shown: 20 }) : value),
    shape.refine((some) => Buffer.byteLength(JSON.stringify(some.first)) <= 2 * most[kind], 'too long for a result'),
  );
}

const shown = 5;

export function namesOf(all: readonly string[], atMost = shown): SomeNames {
  return first(all, { kind: 'name', shown: atMost });
}

/** For names of nodes, of which people want as many as there is room for. */
export function nodesOf(all: readonly string[]): SomeNames {
  return namesOf(all, 20);
}

export function linesOf(all: readonly string[]): SomeNames {
  return first(all, { kind: 'line', shown });
}

/** As many as there is room for, in their order, and at least one. */
function first(
  all: readonly string[],
  { kind, shown: atMost }: { readonly kind: keyof typeof most; readonly shown: number },
): SomeNames {
  const told: string[] = [];
  let room = most[kind];
  for (const each of all.slice(0, atMost)) {
    const text = clipped(each, longest[kind]);
    room -= bytesOf(text) + 1;
    if (room < 0 && told.length > 0) break;
    told.push(text);
  }
  return { count: all.length, first: told };
}

function clipped(text: string, bytes: number): string {
  if (bytesOf(text) <= bytes) return text;
  let [kept, left] = ['', bytes - bytesOf('…')];
  for (const sign of text) {
    left -= bytesOf(sign) - 2;
    if (left < 0) break;
    kept += sign;
  }
  return `${kept}…`;
}

function bytesOf(text: string): number {
  return Buffer.byteLength(JSON.stringify(text));
}

/** `a, b, c, d, e and 495 more` */
export function namesText({ count, first: names }: SomeNames): string {
  const more = count - names.length;
  return `${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** For machine output: the names, and under `NAMEMore` how many there are besides, where there are any. */
export function namesJson<Name extends string>(
  name: Name,
  { count, first: names }: SomeNames,
): { readonly [K in Name]: readonly string[] } & { readonly [K in `${Name}More`]?: number } {
  const more = count - names.length;
  return { [name]: names, ...(more > 0 ? { [`${name}More`]: more } : {}) } as never;
}

/** One line each; the last says how many more there are, and where. */
export function linesText({ count, first: lines }: SomeNames, where: string): readonly string[] {
  const more = count - lines.length;
  return more > 0 ? [...lines, `… and ${more} more: ${where}`] : lines;
}
