import type { GraphOperation } from './operation.ts';
import type { LogRecord } from './transaction-log.ts';

/** A transaction of the writer as its log tells it. `commitTime` is microseconds since 1970, odd, as Cassandra stores it. */
export interface Transaction {
  readonly thread: number;
  readonly sequence: number;
  /** Business key of the `writer` vertex that carries the sequence number. */
  readonly block: string;
  readonly operations: readonly GraphOperation[];
  readonly acknowledgedAt: string | undefined;
  readonly commitTime: bigint | undefined;
}

/** Names a transaction: `thread/sequence`. */
export function transactionId(transaction: { readonly thread: number; readonly sequence: number }): string {
  return `${transaction.thread}/${transaction.sequence}`;
}

/** The log's transactions in the order they were submitted, which for the elements of one thread is the order of commit. */
export async function transactionsOf(
  records: AsyncIterable<LogRecord> | Iterable<LogRecord>,
): Promise<readonly Transaction[]> {
  const byId = new Map<string, Transaction>();
  for await (const record of records) {
    if (record.type === 'writer-started' || record.type === 'in-doubt') continue;
    const id = transactionId(record);
    if (record.type === 'submitted') {
      const { thread, sequence, block, operations } = record;
      byId.set(id, { thread, sequence, block, operations, acknowledgedAt: undefined, commitTime: undefined });
      continue;
    }
    const transaction = byId.get(id);
    if (transaction === undefined) continue;
    byId.set(
      id,
      record.type === 'acknowledged'
        ? { ...transaction, acknowledgedAt: record.at }
        : { ...transaction, commitTime: BigInt(record.micros) },
    );
  }
  return [...byId.values()];
}
