import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { z } from 'zod';
import { makeMonthBucket, type MonthBucket } from './month-bucket.ts';
import type { BenchRow } from './row.ts';

const figures = z.object({ seconds: z.number(), mebibytes: z.number(), requests: z.number() });
const aims = {
  window: { seconds: 60, mebibytes: 300, requests: 2000 },
  plan: { seconds: 60, mebibytes: 300, requests: 2000 },
  status: { seconds: 3, mebibytes: 300, requests: 2000 },
} as const;

/** How long a month of log takes whoever asks about it, and how that grows with its age: five nodes, 5,000 writes a second, a base each night. */
export async function benchMonth(): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const days of [1, 7, 30]) {
    const folder = await mkdtemp(join(tmpdir(), 'cardea-month-'));
    try {
      const made = await makeMonthBucket(folder, days);
      for (const question of ['window', 'plan', 'status'] as const) {
        rows.push(...(await ask(folder, made, { question, days })));
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  }
  return rows;
}

async function ask(
  folder: string,
  { end, objects, pieces }: MonthBucket,
  { question, days }: { readonly question: keyof typeof aims; readonly days: number },
): Promise<BenchRow[]> {
  const reader = join(import.meta.dirname, 'month-reader.ts');
  const { stdout } = await execa(process.execPath, [reader, folder, String(end), question]);
  const found = figures.parse(JSON.parse(stdout));
  const aim = aims[question];
  const name = `${question} of ${days === 1 ? 'a day' : `${days} days`}`;
  const size = `${objects.toLocaleString('en')} objects, ${pieces.toLocaleString('en')} pieces`;
  return [
    {
      name,
      ours: found.seconds,
      reference: aim.seconds,
      ratio: found.seconds / aim.seconds,
      unit: 's',
      note: `${size}; reference: the aim`,
    },
    {
      name: `${name}, memory`,
      ours: found.mebibytes,
      reference: aim.mebibytes,
      ratio: found.mebibytes / aim.mebibytes,
      unit: 'MiB',
      note: 'peak of the process',
    },
    {
      name: `${name}, requests`,
      ours: found.requests,
      reference: aim.requests,
      ratio: found.requests / aim.requests,
      unit: '',
      note: 'a listing of 1,000 objects is one',
    },
  ];
}
