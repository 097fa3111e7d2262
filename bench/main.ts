import { readFile, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { failureText } from '../src/cli/terminal/problem-text.ts';
import { asProblem, exitCodeOf, UsageProblem } from '../src/model/problem.ts';
import type { BenchOptions, BenchRow } from './row.ts';

/** The parts by name; each is loaded only when it is run. */
const parts: Readonly<Record<string, () => Promise<(options: BenchOptions) => Promise<BenchRow[]>>>> = {
  'cli-start': async () => (await import('./cli-start.ts')).benchCliStart,
  runbook: async () => (await import('./runbook.ts')).benchRunbook,
  backup: async () => (await import('./backup.ts')).benchBackup,
  restore: async () => (await import('./restore.ts')).benchRestore,
  outage: async () => (await import('./outage.ts')).benchOutage,
  check: async () => (await import('./check.ts')).benchCheck,
  'any-second': async () => (await import('./any-second.ts')).benchAnySecond,
  commitlog: async () => (await import('./commitlog.ts')).benchCommitLog,
  shipping: async () => (await import('./shipping.ts')).benchShipping,
  stores: async () => (await import('./stores.ts')).benchListing,
  month: async () => (await import('./month.ts')).benchMonth,
};

const pagePath = join(import.meta.dirname, '../docs/performance.md');

const optionsShape = z.object({
  mebibytes: z.coerce.number().int().positive(),
  rounds: z.coerce.number().int().positive(),
  instants: z.coerce.number().int().positive(),
});

/**
 * `node bench/main.ts [--write] [--mib 1024] [--rounds 5] [--instants 200] [part…]`: measures, prints a table, and with `--write` puts each part's table into
 * docs/performance.md.
 */
async function main(args: readonly string[]): Promise<void> {
  const { wanted, write, options } = asked(args);
  for (const [name, load] of Object.entries(parts)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    const measure = await load();
    const before = loadNow();
    const table = markdownTable(await measure(options));
    const where = `Measured on ${machine()}. Load of the machine before: ${before}.`;
    process.stdout.write(`\n${name}\n\n${table}\n\n${where}\n`);
    if (write) await writeTable(name, `${table}\n\n${where}`);
  }
}

function asked(args: readonly string[]) {
  let given: ReturnType<typeof parsed>;
  try {
    given = parsed(args);
  } catch (thrown) {
    throw wrongUse(thrown instanceof Error ? thrown.message : String(thrown));
  }
  const { values, positionals: wanted } = given;
  const options = optionsShape.safeParse({ mebibytes: values.mib, rounds: values.rounds, instants: values.instants });
  if (!options.success) throw wrongUse('--mib, --rounds and --instants take a whole number each.');
  const unknown = wanted.filter((name) => !Object.hasOwn(parts, name));
  if (unknown.length > 0) throw wrongUse(`There is no benchmark named ${unknown.join(', ')}.`);
  return { wanted, write: values.write, options: options.data };
}

function parsed(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      write: { type: 'boolean', default: false },
      mib: { type: 'string', default: '1024' },
      rounds: { type: 'string', default: '5' },
      instants: { type: 'string', default: '200' },
    },
  });
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

/** Over the last minute; what this process waits for is in it too. */
function loadNow(): string {
  return loadavg()[0]?.toFixed(1) ?? 'unknown';
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

function wrongUse(happened: string): UsageProblem {
  return new UsageProblem({
    code: 'bad-bench-arguments',
    happened,
    state: 'Nothing was measured.',
    next: `node bench/main.ts [--write] [--mib 1024] [--rounds 5] [--instants 200] [part…]; the parts are ${Object.keys(parts).join(', ')}.`,
  });
}

await main(process.argv.slice(2)).catch((thrown: unknown) => {
  const problem = asProblem(thrown, 'Measuring');
  process.stderr.write(`${failureText(problem)}\n`);
  process.exitCode = exitCodeOf(problem);
});
