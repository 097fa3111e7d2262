import { readFile, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { UsageProblem } from '../src/model/problem.ts';
import type { BenchRow } from './row.ts';

/** The parts by name; each is loaded only when it is run. */
const parts: Readonly<Record<string, () => Promise<() => Promise<BenchRow[]>>>> = {
  'cli-start': async () => (await import('./cli-start.ts')).benchCliStart,
  check: async () => (await import('./check.ts')).benchCheck,
  stores: async () => (await import('./stores.ts')).benchListing,
};

const pagePath = join(import.meta.dirname, '../docs/performance.md');

/** `node bench/main.ts [--write] [part…]`: measures, prints a table, and with `--write` puts each part's table into docs/performance.md. */
async function main(args: readonly string[]): Promise<void> {
  const wanted = args.filter((arg) => arg !== '--write');
  const unknown = wanted.filter((name) => !Object.hasOwn(parts, name));
  if (unknown.length > 0) throw unknownPart(unknown);
  for (const [name, load] of Object.entries(parts)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    const table = markdownTable(await (await load())());
    process.stdout.write(`\n${name}, ${machine()}\n\n${table}\n`);
    if (args.includes('--write')) await writeTable(name, `${table}\n\nMeasured on ${machine()}.`);
  }
}

function markdownTable(rows: readonly BenchRow[]): string {
  const cells = [
    ['what', 'Cardea', 'reference', 'ratio', 'unit', 'note'],
    ...rows.map((row) => [row.name, shown(row.ours), shown(row.reference), shown(row.ratio), row.unit, row.note]),
  ];
  const widths = cells[0]?.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0))) ?? [];
  const lines = cells.map((row) => `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`);
  lines.splice(1, 0, `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`);
  return lines.join('\n');
}

/** Three significant digits; nothing for nothing. */
function shown(value: number | undefined): string {
  if (value === undefined) return '';
  return value >= 100 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(3)));
}

function machine(): string {
  return `${availableParallelism()} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), Node ${process.versions.node}`;
}

async function writeTable(name: string, text: string): Promise<void> {
  const page = await readFile(pagePath, 'utf8');
  const [begin, end] = [`<!-- bench ${name} begin -->`, `<!-- bench ${name} end -->`];
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  const section = `${begin}\n\n${text}\n\n${end}`;
  const written =
    from < 0 || to < from
      ? `${page.trimEnd()}\n\n## ${name}\n\n${section}\n`
      : page.slice(0, from) + section + page.slice(to + end.length);
  await writeFile(pagePath, written);
}

function unknownPart(names: readonly string[]): UsageProblem {
  return new UsageProblem({
    code: 'unknown-bench',
    happened: `There is no benchmark named ${names.join(', ')}.`,
    state: 'Nothing was measured.',
    next: `Use any of ${Object.keys(parts).join(', ')}, or none for all.`,
  });
}

await main(process.argv.slice(2));
