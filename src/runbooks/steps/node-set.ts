import { z } from 'zod';
import type { Platform } from '../../ports/platform.ts';

/**
 * Some of the nodes of a ring as a step's result has room for them, however many there are: one bit for each node in the order of the names, the
 * first one highest, in hex. What starts servers again must not depend on another document of the bucket.
 */
export const nodeSet = z.object({
  nodes: z.number().int().nonnegative(),
  /** Nodes of the ring. */
  of: z.number().int().nonnegative(),
  bits: z.string().regex(/^[0-9a-f]*$/),
});
export type NodeSet = z.infer<typeof nodeSet>;

export function nodeSetOf({ nodes }: Pick<Platform, 'nodes'>, some: readonly string[]): NodeSet {
  const all = namesOf(nodes);
  const bits = all.map((name) => (some.includes(name) ? '1' : '0')).join('');
  const whole = bits.padEnd(Math.ceil(bits.length / 4) * 4, '0');
  const digits = whole.match(/.{4}/g) ?? [];
  return {
    nodes: all.filter((name) => some.includes(name)).length,
    of: all.length,
    bits: digits.map((four) => Number.parseInt(four, 2).toString(16)).join(''),
  };
}

/** Their names. Of a ring that has other nodes by now nobody can tell which they were: all of it. */
export function namesIn({ nodes }: Pick<Platform, 'nodes'>, set: NodeSet): readonly string[] {
  const all = namesOf(nodes);
  if (set.nodes === 0) return [];
  if (set.of !== all.length) return all;
  const bits = Array.from(set.bits, (digit) => Number.parseInt(digit, 16).toString(2).padStart(4, '0')).join('');
  return all.filter((_, at) => bits[at] === '1');
}

function namesOf(nodes: Platform['nodes']): readonly string[] {
  return nodes.map(({ name }) => name).toSorted();
}
