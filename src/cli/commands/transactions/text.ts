import type { SlotReport } from '../../../graph/transactions/slot-report.ts';
import type { Tally } from '../../../graph/transactions/group-report.ts';
import { formatSeconds } from '../../../model/duration.ts';
import { formatInstant, type Micros } from '../../../model/instant.ts';
import type { FoundTransactions } from '../../../runbooks/recovery/transaction-search.ts';
import { noPaint, type Paint } from '../../terminal/output.ts';

/** The transactions found, for a narrow screen: the id to pass on, then one line for each kind of change. */
export function transactionsText(
  environment: string,
  { transactions, count, largestRemoval, facts }: FoundTransactions,
  { around, within }: { readonly around: Micros; readonly within: number },
  paint: Paint = noPaint,
): string {
  const times = `within ${formatSeconds(within / 1_000_000)} of ${formatInstant(around)}`;
  const what = count === 1 ? '1 transaction' : `${count} transactions`;
  const left = count - transactions.length;
  const missing = largestRemoval !== undefined && !transactions.some(({ id }) => id === largestRemoval.id);
  return [
    `${paint('bold', environment)}  ${what} ${times} on ${facts.timeline}`,
    ...transactions.flatMap((each) => ['', ...entry(each, each.id === largestRemoval?.id, paint)]),
    ...(left > 0 ? ['', `… and ${left} more, further from that time: --limit 0 shows all.`] : []),
    ...(missing ? ['', ...entry(largestRemoval, true, paint)] : []),
    ...facts.holes.map((hole) => paint('yellow', `WARNING: ${hole}.`)),
    ...(count === 0 && facts.newest !== undefined ? [`The log was read up to ${formatInstant(facts.newest)}.`] : []),
    ...(largestRemoval === undefined
      ? []
      : [
          '',
          paint(
            'dim',
            `→ cardea undo ${environment} --group '${largestRemoval.id}' --plan shows what undoing it would take.`,
          ),
        ]),
  ].join('\n');
}

function entry(report: SlotReport, largest: boolean, paint: Paint): string[] {
  const { vertices, edges, properties } = report;
  // The properties of a new or removed vertex add nothing to what the vertex itself says.
  const values = vertices.removed.count === 0 ? parts('-', properties.removed) : [];
  const removed = [...parts('-', vertices.removed), ...parts('-', edges.removed), ...values];
  const added = [...parts('+', vertices.added), ...parts('+', edges.added)];
  const written = [...parts('~', edges.written), ...parts('~', properties.written)];
  const shown = [
    ...(removed.length === 0 ? [] : [paint('red', removed.join('  '))]),
    ...(added.length === 0 ? [] : [paint('green', added.join('  '))]),
    ...(written.length === 0 ? [] : [written.join('  ')]),
  ];
  const ids = [
    ...(vertices.removed.ids.length > 0 ? vertices.removed.ids : []),
    ...(vertices.added.ids.length > 0 ? vertices.added.ids : []),
    ...(vertices.removed.count + vertices.added.count === 0 ? vertices.touched.ids : []),
  ];
  const more = vertices.removed.count + vertices.added.count + vertices.touched.count > ids.length ? ' …' : '';
  return [
    `${paint('bold', report.id)}${largest ? paint('red', '  ← removed most') : ''}${report.schemaChange ? '  (schema)' : ''}`,
    ...shown.map((line) => `  ${line}`),
    ...(ids.length === 0
      ? []
      : [paint('dim', `  vertices ${ids.join(' ')}${more}${report.of > 1 ? `, in ${report.of} parts` : ''}`)]),
    ...(report.whole ? [] : [paint('yellow', `  incomplete: ${report.findings[0] ?? ''}`)]),
  ];
}

function parts(sign: string, { by }: Tally): string[] {
  return Object.entries(by)
    .sort((a, b) => b[1] - a[1])
    .map(([name, count]) => `${sign}${count} ${name}`);
}
