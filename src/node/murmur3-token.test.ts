import fc from 'fast-check';
import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import { murmur3Token } from './murmur3-token.ts';

interface Tokenizer {
  hash(key: Buffer): { getValue(): { toString(): string } };
}

test('the driver comes to the same token for any key', () => {
  const { Murmur3Tokenizer } = createRequire(import.meta.url)('cassandra-driver/lib/tokenizer.js') as {
    Murmur3Tokenizer: new () => Tokenizer;
  };
  const tokenizer = new Murmur3Tokenizer();
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 70 }), (key) => {
      expect(String(murmur3Token(key))).toBe(String(tokenizer.hash(Buffer.from(key)).getValue()));
    }),
    { numRuns: 2000 },
  );
});
