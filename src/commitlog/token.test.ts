import { describe, expect, test } from 'vitest';
import { tokenOf } from './token.ts';

/** Keys as hexadecimal with what Cassandra 5.0.6 computes (its MurmurHash, called directly); the bytes f3 are negative there. */
const known: ReadonlyArray<readonly [string, bigint]> = [
  ['', -9223372036854775808n],
  ['61', -8839064797231613815n],
  ['666f6f', -2129773440516405919n],
  ['6a616e75736772617068', -6803857322056114578n],
  ['61206b6579206f662065786163746c79333220627974657320666f7220697421', -7932742015449279397n],
  ['4772c3bcc39f652c20e4b896e7958c', 3919294746962139223n],
  ['f3', 5722073765893449480n],
  ['f3'.repeat(7), 4918140442839144554n],
  ['f3'.repeat(8), 3662636276895557354n],
  ['f3'.repeat(9), 5522173523810695404n],
  ['f3'.repeat(15), 3506349294577970617n],
  ['f3'.repeat(16), 5272146585847905555n],
  ['f3'.repeat(17), -5981425874101162689n],
  ['f3'.repeat(31), 7271503068518411228n],
  ['f3'.repeat(33), -6971233471039415194n],
];

describe('the token of a partition key is what Cassandra computes', () => {
  for (const [key, token] of known) {
    test(key === '' ? 'of the empty key' : `of ${key}`, () => {
      expect(tokenOf(Buffer.from(key, 'hex'))).toBe(token);
    });
  }
});
