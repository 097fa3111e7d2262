import { type CqlToken, quotedName, quotedText } from './cql-tokens.ts';

/** Thrown while a statement is read; never leaves `creation.ts`. */
export class UnknownCql extends TypeError {}

/** Reads one statement from left to right. Whatever is not as expected throws UnknownCql. */
export class CqlReader {
  readonly #tokens: readonly CqlToken[];
  #at = 0;

  constructor(tokens: readonly CqlToken[]) {
    this.#tokens = tokens;
  }

  get atEnd(): boolean {
    return this.#at >= this.#tokens.length;
  }

  /** Whether these words or signs come next; then they are passed over. */
  takes(...texts: readonly string[]): boolean {
    const there = texts.every((text, offset) => {
      const token = this.#tokens[this.#at + offset];
      return token !== undefined && (token.kind === 'word' || token.kind === 'sign') && token.text === text;
    });
    if (there) this.#at += texts.length;
    return there;
  }

  expect(...texts: readonly string[]): void {
    if (!this.takes(...texts)) throw new UnknownCql(`${texts.join(' ')} expected, ${this.#seen()} found`);
  }

  expectEnd(): void {
    if (!this.atEnd) throw new UnknownCql(`its end expected, ${this.#seen()} found`);
  }

  /** A keyspace, table, column or type. */
  name(): string {
    const token = this.#next('word', 'name');
    return token.text;
  }

  /** `keyspace.name`. */
  qualifiedName(): { readonly keyspace: string; readonly name: string } {
    const keyspace = this.name();
    this.expect('.');
    return { keyspace, name: this.name() };
  }

  uuid(): string {
    return this.#next('uuid').text;
  }

  text(): string {
    return this.#next('string').text;
  }

  number(): string {
    return this.#next('number').text;
  }

  word(): string {
    return this.#next('word').text;
  }

  /** `item, item` up to the closing sign, which is passed over. */
  list<T>(close: string, item: () => T): readonly T[] {
    const items: T[] = [];
    do items.push(item());
    while (this.takes(','));
    this.expect(close);
    return items;
  }

  /** A value of an option: a text, a number, a boolean, or a map of such by text. Rewritten. */
  literal(): string {
    if (this.takes('{')) return this.#map();
    const token = this.#next('string', 'number', 'blob', 'word');
    if (token.kind === 'string') return quotedText(token.text);
    if (token.kind === 'word' && token.text !== 'true' && token.text !== 'false') {
      throw new UnknownCql(`a value expected, ${token.text} found`);
    }
    return token.text;
  }

  /** `{'class': …}`, by key. */
  textMap(): ReadonlyMap<string, string> {
    this.expect('{');
    if (this.takes('}')) return new Map();
    return new Map(
      this.list('}', () => {
        const key = this.text();
        this.expect(':');
        return [key, this.text()] as const;
      }),
    );
  }

  /** A type such as `frozen<map<text, int>>`, rewritten, and the names in it that may be types of the keyspace. */
  type(): { readonly cql: string; readonly names: readonly string[] } {
    const token = this.#next('word', 'name', 'number');
    const name = token.kind === 'name' ? quotedName(token.text) : token.text;
    const inner = this.takes('<') ? this.list('>', () => this.type()) : [];
    if (token.kind === 'number' && !/^\d+$/.test(token.text)) throw new UnknownCql('a type expected, a number found');
    return {
      cql: inner.length === 0 ? name : `${name}<${inner.map(({ cql }) => cql).join(', ')}>`,
      names: [...(token.kind === 'number' ? [] : [token.text]), ...inner.flatMap(({ names }) => names)],
    };
  }

  #map(): string {
    if (this.takes('}')) return '{}';
    const entries = this.list('}', () => {
      const key = quotedText(this.text());
      this.expect(':');
      return `${key}: ${this.literal()}`;
    });
    return `{${entries.join(', ')}}`;
  }

  #next(...kinds: ReadonlyArray<CqlToken['kind']>): CqlToken {
    const token = this.#tokens[this.#at];
    if (token === undefined || !kinds.includes(token.kind)) {
      throw new UnknownCql(`a ${kinds.join(' or ')} expected, ${this.#seen()} found`);
    }
    this.#at += 1;
    return token;
  }

  #seen(): string {
    const token = this.#tokens[this.#at];
    return token === undefined ? 'its end' : JSON.stringify(token.text.slice(0, 60));
  }
}
