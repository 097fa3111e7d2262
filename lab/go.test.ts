import { expect, test } from 'vitest';
import { toolchainFor } from './go.ts';

test('a Go that is new enough is used as it is, an older one fetches the toolchain, the oldest ones are of no use', () => {
  expect(toolchainFor('go version go1.26.8 linux/amd64')).toEqual({ program: 'go', variables: {} });
  expect(toolchainFor('go version go2.0 linux/amd64')).toEqual({ program: 'go', variables: {} });
  expect(toolchainFor('go version go1.22.1 linux/arm64')?.variables).toEqual({ GOTOOLCHAIN: 'go1.26.4' });
  expect(toolchainFor('go version go1.19.8 linux/amd64')).toBeUndefined();
  expect(toolchainFor('command not found')).toBeUndefined();
});
