import { longestName, safeName } from './safe-name.ts';
import type { z } from 'zod';

/**
 * Under which name a revert keeps aside what it displaces when it brings back what lies aside as `aside`. Reverts of reverts are counted where
 * their names would grow too long: `revert-revert-restore-…`, and at last `reverts-11-restore-…`. What has a name keeps it.
 */
export function displacedName(aside: string): z.infer<typeof safeName> {
  const [, counted = '0', rest = aside] = /^reverts-(\d+)-(.+)$/.exec(aside) ?? [];
  const base = rest.replace(/^(?:revert-)+/, '');
  const depth = Number(counted) + (rest.length - base.length) / 'revert-'.length + 1;
  const spelt = `${'revert-'.repeat(depth)}${base}`;
  return safeName.parse(spelt.length <= longestName ? spelt : `reverts-${depth}-${base}`);
}

/** Whether something lies aside under such a name: a revert has displaced it. */
export function isDisplacedName(name: string): boolean {
  return /^(revert|reverts-\d+)-/.test(name);
}
