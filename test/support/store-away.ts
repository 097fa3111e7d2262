import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A bucket that can be taken away and brought back while others use it, in one step each: its parent is a link that leads there or nowhere. */
export interface AwayStore {
  readonly path: string;
  take(): void;
  bring(): void;
  remove(): void;
}

export function storeThatGoesAway(): AwayStore {
  const root = mkdtempSync(join(tmpdir(), 'cardea-away-'));
  const link = join(root, 'store');
  mkdirSync(join(root, 'there', 'bucket'), { recursive: true });
  const lead = (to: string) => {
    symlinkSync(join(root, to), `${link}.new`);
    renameSync(`${link}.new`, link);
  };
  lead('there');
  return {
    path: join(link, 'bucket'),
    take: () => lead('nowhere'),
    bring: () => lead('there'),
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}
