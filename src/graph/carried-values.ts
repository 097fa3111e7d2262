import { isOpaque, type Attribute } from './codec/attribute.ts';
import { isComparable } from './codec/index-entry.ts';
import type { GraphObserver } from './invariants/invariant.ts';
import type { GraphSchema } from './schema.ts';

/** What is carried as bytes: counted in the fingerprint and restored, but not understood. */
export interface Carried {
  /** `property "price" (class of the user, number 0)`, `index "byPrice" is not compared`. */
  readonly what: string;
  readonly count: number;
}

/** Counts values of the users' own classes, by the key that has them. */
export class CarriedValues {
  readonly #counts = new Map<string, number>();
  readonly #schema: GraphSchema;
  readonly observer: GraphObserver = {
    property: (vertex, relation) => {
      if (vertex.schemaVertex) return;
      if (relation.value !== undefined) this.#count(relation.type.name, relation.value);
      for (const { key, value } of relation.properties) this.#count(key.name, value);
    },
    edge: (_vertex, relation) => {
      if (relation.direction !== 'out') return;
      for (const { key, value } of relation.properties) this.#count(key.name, value);
    },
  };

  constructor(schema: GraphSchema) {
    this.#schema = schema;
  }

  result(): readonly Carried[] {
    const indexes = this.#schema.compositeIndexes.filter((index) => !isComparable(index));
    return [
      ...[...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([what, count]) => ({ what, count })),
      ...indexes.map(({ name }) => ({ what: `entries of index "${name}", which are not compared`, count: 0 })),
    ];
  }

  #count(key: string, { type }: Attribute): void {
    if (!isOpaque(type)) return;
    const what = `values of "${key}" (${type})`;
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1);
  }
}
