import { readFile, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { UsageProblem } from '../src/model/problem.ts';
import type { BenchOptions, BenchRow } from './row.ts';

/** The parts by name; each is loaded only when it is run. */
const parts: Readonly<Record<string, () => Promise<(options: BenchOptions) => Promise<BenchRow[]>>>> = {
  'cli-start': async () => (await import('./cli-start.ts')).benchCliStart,
  runbook: async () => (await import('./runbook.ts')).benchRunbook,
  backup: async () => (await import('./backup.ts')).benchBackup,
  restore: async () => (await import('./restore.ts')).benchRestore,
  check: async () => (await import('./check.ts')).benchCheck,
  stores: async () => (await import('./stores.ts')).benchListing,
};

const pagePath = join(import.meta.dirname, '../docs/performance.md');

/**
 * `node bench/main.ts [--write] [--mib 1024] [--rounds 3] [part…]`: measures, prints a table, and with `--write` puts each part's table into
 * docs/performance.md.
 */
async function main(args: readonly string[]): Promise<void> {
  const { values, positionals: wanted } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      write: { type: 'boolean', default: false },
      mib: { type: 'string', default: '1024' },
      rounds: { type: 'string', default: '3' },
    },
  });
  const unknown = wanted.filter((name) => !Object.hasOwn(parts, name));
  if (unknown.length > 0) throw unknownPart(unknown);
  const options = { mebibytes: Number(values.mib), rounds: Number(values.rounds) };
  for (const [name, load] of Object.entries(parts)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    const measure = await load();
    const where = `${machine()}; load of the machine before: ${loadavg()[0]?.toFixed(1)}`;
    const table = markdownTable(await measure(options));
    process.stdout.write(`\n${name}, ${where}\n\n${table}\n`);
    if (values.write) await writeTable(name, `${table}\n\nMeasured on ${where}.`);
  }
}

function markdownTable(rows: readonly BenchRow[]): string {
  const cells = [
    ['what', 'Cardea', 'reference', 'unit', 'ratio', 'least–greatest', 'note'],
    ...rows.map((row) => [
      row.name,
      shown(row.ours),
      shown(row.reference),
      row.unit,
      shown(row.ratio),
      row.ratios?.map(shown).join('–') ?? '',
      row.note,
    ]),
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
  const memory = `${Math.round(totalmem() / 1024 ** 3)} GiB`;
  return `${availableParallelism()} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), ${memory}, Node ${process.versions.node}`;
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
