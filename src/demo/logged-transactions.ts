import type { GraphService } from '../ports/graph-service.ts';
import { type Transaction, transactionId } from '../sample/transaction.ts';

/** What the graph holds of the transactions that the application's own log calls acknowledged. Ids are `thread/sequence`. */
export interface LogComparison {
  /** Acknowledged up to the cut, and those of them that are not there. */
  readonly before: number;
  readonly missing: readonly string[];
  /** Acknowledged after it, and those of them that are there although the point cannot hold them. */
  readonly after: number;
  readonly unexpected: readonly string[];
}

/** Looks every logged transaction up by the number it left in the graph: a proof that knows nothing of fingerprints. `cut` is ISO. */
export async function compareWithLog(
  graph: GraphService,
  transactions: readonly Transaction[],
  cut: string,
): Promise<LogComparison> {
  const blocks = [...new Set(transactions.map(({ block }) => block))];
  const rows = await graph.submit<readonly string[]>(sequencesScript, { blocks }, { timeoutMs: 60_000 });
  const found = new Set(
    rows.flatMap(([block = '', ...sequences]) => sequences.map((sequence) => `${block.split('-')[1]}/${sequence}`)),
  );
  return compared(transactions, found, cut);
}

/** Pure. What was in doubt is left out: either answer is right. */
export function compared(transactions: readonly Transaction[], found: ReadonlySet<string>, cut: string): LogComparison {
  const acknowledged = transactions.flatMap((transaction) =>
    transaction.acknowledgedAt === undefined
      ? []
      : [{ id: transactionId(transaction), early: transaction.acknowledgedAt <= cut }],
  );
  const early = acknowledged.filter((each) => each.early).map(({ id }) => id);
  const late = acknowledged.filter((each) => !each.early).map(({ id }) => id);
  return {
    before: early.length,
    missing: early.filter((id) => !found.has(id)),
    after: late.length,
    unexpected: late.filter((id) => found.has(id)),
  };
}

const sequencesScript = `
  def tx = graph.buildTransaction().readOnly().start()
  try {
    tx.traversal().V().has('businessKey', org.apache.tinkerpop.gremlin.process.traversal.P.within(blocks)).toList().collect { vertex ->
      [vertex.value('businessKey')] + vertex.values('sequence').collect { it.toString() }
    }
  } finally { tx.rollback() }
`;
