import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { epochMicros } from '../../commitlog/mutation-reader.ts';
import { micros } from '../../model/instant.ts';
import { clockLead } from './clock-lead.ts';

/** A section of one mutation with a key of three bytes, its write time in the longest form of a number. */
function sectionWrittenAt(time: number, flags = 0): Buffer {
  const delta = Buffer.alloc(9, 0xff);
  delta.writeBigUInt64BE(BigInt(time - epochMicros), 1);
  return Buffer.concat([
    Buffer.alloc(16),
    Buffer.from([1]),
    Buffer.alloc(16, 7),
    Buffer.from([3, 1, 2, 3, flags]),
    delta,
  ]);
}

const now = micros(1771466400000000);

test('a write time after the clock of the node is a lead', () => {
  expect(clockLead(sectionWrittenAt(now + 2_500_000), 0, now)).toBe(2.5);
  expect(clockLead(Buffer.concat([Buffer.alloc(32), sectionWrittenAt(now + 500_000)]), 32, now)).toBe(0.5);
});

test('one before it, one that somebody chose and an update without a time are none', () => {
  expect(clockLead(sectionWrittenAt(now - 1), 0, now)).toBe(0);
  expect(clockLead(sectionWrittenAt(now + 7200e6), 0, now)).toBe(0);
  expect(clockLead(sectionWrittenAt(now + 1e6, 1), 0, now)).toBe(0);
});

test('whatever bytes there are, the answer is a number', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(70), (bytes, at) => {
      const lead = clockLead(bytes, at, now);
      expect(lead >= 0 && lead < 3600).toBe(true);
    }),
  );
});
