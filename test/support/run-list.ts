import type { TestSandbox } from './sandbox.ts';

/** Ids of every run whose journal is in the environment's bucket. */
export async function runsOf({ platform }: TestSandbox): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const child of platform.bucket.children('runs/')) {
    found.push(child.replace(/^runs\//, '').replace(/\/$/, ''));
  }
  return found;
}
