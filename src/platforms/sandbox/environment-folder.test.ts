import { expect, test } from 'vitest';
import { environmentFolder } from './environment-folder.ts';
test('an environment has a folder of its own, and a copy one below it', () => {
  expect(environmentFolder('/home', 'local')).toBe('/home/local');
  expect(environmentFolder('/home', 'local~look')).toBe('/home/local/copies/look');
});

test.each(['', '.', '..', '../other', 'local/..', '/etc', 'local~..', 'local~a~b', '.locks'])(
  'a name that could lead elsewhere is refused: "%s"',
  (name) => {
    expect(() => environmentFolder('/home', name)).toThrow(
      expect.objectContaining({ kind: 'usage', code: 'bad-name' }),
    );
  },
);
