/** One token of CQL. `text` of a name and of a string is its value, without quotes; of a word its lower case, as Cassandra takes it. */
export interface CqlToken {
  readonly kind: 'word' | 'name' | 'string' | 'number' | 'uuid' | 'blob' | 'sign';
  readonly text: string;
}

const patterns: ReadonlyArray<readonly [CqlToken['kind'] | 'nothing', RegExp]> = [
  ['nothing', /(?:\s+|--[^\n]*|\/\/[^\n]*|\/\*[\s\S]*?\*\/)/y],
  ['uuid', /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?!\w)/iy],
  ['blob', /0x[0-9a-f]*(?!\w)/iy],
  ['number', /-?\d+(?:\.\d+)?(?:e[+-]?\d+)?(?!\w)/iy],
  ['word', /[a-z_]\w*/iy],
  ['name', /"((?:[^"]|"")+)"/y],
  ['string', /'((?:[^']|'')*)'/y],
  ['string', /\$\$([\s\S]*?)\$\$/y],
  ['sign', /[(){}[\]<>,:;=.*+\-?%/!|]/y],
];

/**
 * Pure: the statements of a text, each as its tokens, without comments. Undefined when something in it is no CQL: then nothing can be said of
 * where one statement ends.
 */
export function cqlStatements(text: string): ReadonlyArray<readonly CqlToken[]> | undefined {
  const statements: CqlToken[][] = [[]];
  let at = 0;
  while (at < text.length) {
    const found = tokenAt(text, at);
    if (found === undefined) return undefined;
    at = found.end;
    const { token } = found;
    if (token === undefined) continue;
    if (token.kind === 'sign' && token.text === ';') statements.push([]);
    else statements.at(-1)?.push(token);
  }
  return statements.filter((tokens) => tokens.length > 0);
}

function tokenAt(text: string, at: number): { readonly end: number; readonly token?: CqlToken } | undefined {
  for (const [kind, pattern] of patterns) {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match === null) continue;
    const end = at + match[0].length;
    if (kind === 'nothing') return { end };
    const [whole, inner = whole] = match;
    return { end, token: { kind, text: valueOf(kind, inner) } };
  }
  return undefined;
}

function valueOf(kind: CqlToken['kind'], text: string): string {
  switch (kind) {
    case 'word':
    case 'uuid':
      return text.toLowerCase();
    case 'name':
      return text.replaceAll('""', '"');
    case 'string':
      return text.replaceAll("''", "'");
    default:
      return text;
  }
}

/** A name as it can stand in any statement. */
export function quotedName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A text as it can stand in any statement. */
export function quotedText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
