import {
  closeSync,
  createReadStream,
  existsSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  writeSync,
} from 'node:fs';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { FailedProblem } from '../model/problem.ts';
import { operation } from './operation.ts';

const thread = z.number().int().nonnegative();
const sequence = z.number().int().nonnegative();

/**
 * One line of the log. A transaction is `submitted` before the graph hears of it and `acknowledged` only after its commit returned, so a
 * transaction without an acknowledgement is in doubt, also when the writer was killed. `commit-time` is read back from the database later.
 */
export const logRecord = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('writer-started'),
    version: z.literal(1),
    bank: z.object({ seed: z.string(), branches: z.number().int(), customersPerBranch: z.number().int() }),
    threads: z.number().int().positive(),
    at: z.iso.datetime(),
  }),
  z.object({ type: z.literal('submitted'), thread, sequence, block: z.string(), operations: z.array(operation) }),
  z.object({ type: z.literal('acknowledged'), thread, sequence, at: z.iso.datetime() }),
  z.object({ type: z.literal('in-doubt'), thread, sequence, at: z.iso.datetime(), reason: z.string() }),
  z.object({ type: z.literal('commit-time'), thread, sequence, micros: z.string().regex(/^\d+$/) }),
]);
export type LogRecord = z.infer<typeof logRecord>;

export interface TransactionLog {
  readonly path: string;
  /** Appends one line, whole; with `fsync` it is on the disk when this returns. */
  append(record: LogRecord): void;
  records(): AsyncIterable<LogRecord>;
  close(): void;
}

/** Opens or creates the log: JSON lines. A last line that a kill left unfinished was never acknowledged to anybody and is cut off. */
export function openTransactionLog(path: string, options: { readonly fsync?: boolean } = {}): TransactionLog {
  const whole = existsSync(path) ? readFileSync(path).lastIndexOf(0x0a) + 1 : 0;
  const file = openSync(path, 'a');
  ftruncateSync(file, whole);
  return {
    path,
    append(record) {
      writeSync(file, `${JSON.stringify(record)}\n`);
      if (options.fsync === true) fsyncSync(file);
    },
    records: () => readRecords(path),
    close: () => closeSync(file),
  };
}

async function* readRecords(path: string): AsyncIterable<LogRecord> {
  let number = 0;
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY })) {
    number += 1;
    yield parseLine(line, `${path}:${number}`);
  }
}

function parseLine(line: string, where: string): LogRecord {
  try {
    return logRecord.parse(JSON.parse(line));
  } catch (cause) {
    throw new FailedProblem({
      code: 'bad-log',
      happened: `${where} is not a line of the writer's log.`,
      state: 'Nothing was changed, and the log was not changed either.',
      next: 'Check whether somebody edited the file; the writer appends only complete lines.',
      cause,
    });
  }
}
