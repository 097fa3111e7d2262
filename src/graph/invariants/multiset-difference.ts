import { crc32 } from 'node:zlib';

/**
 * Compares two streams of texts in constant memory, whatever their order: one is added, the other taken away, in one of 2^18 buckets by
 * a hash of the text. Buckets that end at zero hold the same texts on both sides, up to a chance of about 2^-64 per bucket; only what falls
 * into the others needs to be looked at one by one. A sum, not an exclusive or: a text that comes twice from one side does not cancel itself.
 */
export class MultisetDifference {
  readonly #first: Int32Array;
  readonly #second: Int32Array;
  readonly #mask: number;

  constructor(bucketBits = 18) {
    this.#first = new Int32Array(2 ** bucketBits);
    this.#second = new Int32Array(2 ** bucketBits);
    this.#mask = 2 ** bucketBits - 1;
  }

  /** `group` decides the bucket, so that texts of one group fall together; the text itself by default. */
  add(text: string, sign: 1 | -1, group?: string): void {
    const crc = crc32(text);
    this.addSums(group === undefined ? crc : crc32(group), sign * crc, sign * javaHash(text));
  }

  /** Sums that were made elsewhere with the same two hashes. */
  addSums(bucket: number, crcs: number, hashes: number): void {
    const at = bucket & this.#mask;
    this.#first[at] = ((this.#first[at] as number) + crcs) | 0;
    this.#second[at] = ((this.#second[at] as number) + hashes) | 0;
  }

  /** Numbers of the buckets in which the sides differ. */
  differing(): Set<number> {
    const found = new Set<number>();
    for (let at = 0; at <= this.#mask; at++) {
      if (this.#first[at] !== 0 || this.#second[at] !== 0) found.add(at);
    }
    return found;
  }

  bucketOf(group: string): number {
    return crc32(group) & this.#mask;
  }
}

/** The hash of java.lang.String, which scripts in the graph server have at hand too. */
export function javaHash(text: string): number {
  let hash = 0;
  for (let at = 0; at < text.length; at++) hash = (Math.imul(31, hash) + text.charCodeAt(at)) | 0;
  return hash;
}
