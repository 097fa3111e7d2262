import { z } from 'zod';

const verified = z.object({ known: z.number().default(0), inherited: z.number().default(0) });

/** What a check found that is no new fault, for the end of a run; nothing when there is none. `result`: of its step `verify` or `verify-undo`. */
export function knownText(result: unknown): {
  readonly known: number;
  readonly inherited: number;
  readonly text: string;
} {
  const { known, inherited } = verified.safeParse(result).data ?? { known: 0, inherited: 0 };
  const parts = [
    ...(known > 0 ? [counted(known, 'known')] : []),
    ...(inherited > 0 ? [counted(inherited, 'inherited')] : []),
  ];
  return { known, inherited, text: parts.length === 0 ? '' : ` It has ${parts.join(' and ')}.` };
}

function counted(count: number, what: string): string {
  return `${count} ${what} ${count === 1 ? 'finding' : 'findings'}`;
}
