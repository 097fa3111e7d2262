import { expect, test } from 'vitest';
import { goFor } from './go-toolchain.ts';

const enough = [1, 26] as const;

test('a Go that is new enough is used as it is, an older one fetches the toolchain, the oldest ones are of no use', () => {
  expect(goFor('go version go1.26.8 linux/amd64', enough)).toEqual({ program: 'go', variables: {} });
  expect(goFor('go version go2.0 linux/amd64', enough)).toEqual({ program: 'go', variables: {} });
  expect(goFor('go version go1.22.1 linux/arm64', enough)?.variables).toEqual({ GOTOOLCHAIN: 'go1.26.4' });
  expect(goFor('go version go1.19.8 linux/amd64', enough)).toBeUndefined();
  expect(goFor('command not found', enough)).toBeUndefined();
});
