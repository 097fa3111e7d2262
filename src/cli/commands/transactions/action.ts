import { exactId } from '../../../graph/codec/byte-reader.ts';
import { idFromText } from '../../../graph/codec/element-id.ts';
import { milliseconds } from '../../../model/duration.ts';
import { formatInstant, type Micros, micros } from '../../../model/instant.ts';
import { UsageProblem } from '../../../model/problem.ts';
import { parseTarget } from '../../../model/target.ts';
import { knownSchema } from '../../../runbooks/catalog/schema-catalog.ts';
import { settleMarginOf } from '../../../runbooks/recovery/arrival.ts';
import { searchTransactions } from '../../../runbooks/recovery/transaction-search.ts';
import type { Action } from '../../command.ts';
import { refuseWhenUnreachable } from '../../runs/refuse-when-unreachable.ts';
import type { transactions } from './declaration.ts';
import { transactionsText } from './text.ts';

/** Enough ids for a program to work with; a listing for people shows fewer. */
const idsInJson = 50;

export const action: Action<typeof transactions> = async (context, input) => {
  const around = timeOf(input.around, context.clock.now());
  const within = Math.round(distanceOf(input.within ?? '30s') * 1000);
  const { config } = await context.environment(input.env);
  const platform = await context.platform(input.env);
  return refuseWhenUnreachable(async () => {
    const known = await knownSchema(platform, around);
    if (known.from === 'nowhere') context.output.warn(context.output.paintNote('yellow', known.says));
    const found = await searchTransactions(
      platform,
      known,
      {
        around,
        from: micros(around - within),
        to: micros(around + within),
        timeline: input.timeline,
        settleMargin: settleMarginOf(config),
        removing: input.removing,
        limit: input.limit,
        ...(input.element === undefined ? {} : { element: elementOf(input.element) }),
      },
      { ids: context.flags.json ? idsInJson : 3, signal: context.signal },
    );
    const { newest, ...facts } = found.facts;
    return {
      json: {
        from: formatInstant(micros(around - within)),
        to: formatInstant(micros(around + within)),
        count: found.count,
        transactions: found.transactions,
        largestRemoval: found.largestRemoval?.id ?? null,
        schema: known.from,
        read: { ...facts, newest: newest === undefined ? null : formatInstant(newest) },
      },
      text: transactionsText(input.env, found, { around, within }, context.output.paint),
    };
  });
};

function timeOf(text: string | undefined, now: Date): Micros {
  if (text === undefined) {
    throw new UsageProblem({
      code: 'no-time',
      happened: 'No time was given.',
      state: 'Nothing was started.',
      next: 'Give the time: --around now-10m, or --around 2026-02-19T09:10:18Z.',
    });
  }
  const target = parseTarget(text, now);
  if (target.kind === 'instant') return target.instant;
  throw new UsageProblem({
    code: 'not-a-time',
    happened: `"${text}" is not a time.`,
    state: 'Nothing was started.',
    next: 'Write a time with a zone (2026-02-19T09:10:18Z) or a relative time (now-10m).',
  });
}

function distanceOf(text: string): number {
  try {
    return milliseconds(text);
  } catch (cause) {
    throw new UsageProblem({
      code: 'bad-duration',
      happened: `"${text}" is not a duration.`,
      state: 'Nothing was started.',
      next: 'Write it like --within 30s, --within 5m or --within 1h30m.',
      cause,
    });
  }
}

/**
 * `8272` is a vertex, `1iir-11y0-mxh-9jc` an edge. For an edge the id of the relation itself is compared, which is
 * unique.
 */
function elementOf(text: string) {
  if (/^\d{1,19}$/.test(text)) return { vertex: exactId(BigInt(text)) };
  const relation = text.includes('-') ? idFromText(text.split('-')[0] ?? '') : undefined;
  if (relation !== undefined) return { relation };
  throw new UsageProblem({
    code: 'bad-element',
    happened: `"${text}" is neither a vertex id nor an edge id.`,
    state: 'Nothing was started.',
    next: 'Write it as Gremlin shows it: 8272 for a vertex, 1iir-11y0-mxh-9jc for an edge.',
  });
}
