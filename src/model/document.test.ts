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
  [
    'a newer version',
    '{"kind":"letter","version":3}',
    /its version is 3; this Cardea reads only version 2 of "letter"/,
  ],
  ['a wrong body', '{"kind":"letter","version":2,"to":1,"pages":1}', /expected string/],
])('a document is refused by name: %s', (_case, text, message) => {
  expect(() => letter.read(text, 'a/b.json')).toThrow(message);
});

test('a sealed document is refused when any bit of its values is another one', () => {
  const sealed = documentType('watermark', 1, { at: z.string(), count: z.number() }, { sealed: true });
  const text = sealed.write({ at: '2026-02-19', count: 7 });
  expect(sealed.read(text, 'here')).toEqual({ at: '2026-02-19', count: 7 });
  expect(() => sealed.read(text.replace('2026-02-19', '2026-02-18'), 'here')).toThrow(/does not match its check sum/);
  expect(() => sealed.read(text.replace(': 7', ': 3'), 'here')).toThrow(/does not match its check sum/);
});

test('a document without its seal is read as it is', () => {
  const shape = { at: z.string() };
  const sealed = documentType('watermark', 1, shape, { sealed: true });
  expect(sealed.read(documentType('watermark', 1, shape).write({ at: 'x' }), 'here')).toEqual({ at: 'x' });
});
