import { z } from 'zod';

/** What a step's result, which is small, says of a list that may be long. */
export const someNames = z.object({ count: z.number().int().nonnegative(), first: z.array(z.string()) });
export type SomeNames = z.infer<typeof someNames>;

const shown = 5;

export function namesOf(all: readonly string[]): SomeNames {
  return { count: all.length, first: all.slice(0, shown) };
}

/** `a, b, c, d, e and 495 more` */
export function namesText({ count, first }: SomeNames): string {
  const more = count - first.length;
  return `${first.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
