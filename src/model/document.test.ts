import { expect, test } from 'vitest';
import { z } from 'zod';
import { documentType } from './document.ts';

const letter = documentType('letter', 2, { to: z.string(), pages: z.number().int() });

test('what is written is read again, without its envelope', () => {
  const text = letter.write({ to: 'branch', pages: 3 });
  expect(JSON.parse(text)).toEqual({ kind: 'letter', version: 2, to: 'branch', pages: 3 });
  expect(letter.read(text, 'a/b.json')).toEqual({ to: 'branch', pages: 3 });
});

test.each([
  ['not JSON at all', '{"kind":', /a\/b\.json cannot be read: it is not JSON/],
  ['no envelope', '{"to":"x"}', /no kind and version/],
  ['another kind', '{"kind":"parcel","version":2}', /its kind is "parcel", expected "letter"/],
  ['a newer version', '{"kind":"letter","version":3}', /its version is 3; this Cardea reads version 2 of "letter"/],
  ['a wrong body', '{"kind":"letter","version":2,"to":1,"pages":1}', /expected string/],
])('a document is refused by name: %s', (_case, text, message) => {
  expect(() => letter.read(text, 'a/b.json')).toThrow(message);
});
