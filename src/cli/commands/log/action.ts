import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { z } from 'zod';
import { dumpSegment } from '../../../commitlog/log-dump.ts';
import { readSegmentHeader } from '../../../commitlog/segment-header.ts';
import { readingObject } from '../../../commitlog/log-damage.ts';
import { errorCode } from '../../../model/error-code.ts';
import { faultMessage } from '../../../model/fault-message.ts';
import { type LoggedTable, loggedTable } from '../../../model/log-schema.ts';
import { UsageProblem } from '../../../model/problem.ts';
import type { Action } from '../../command.ts';
import { flushed } from '../../terminal/output.ts';
import type { log } from './declaration.ts';
import { segmentText, SegmentSummary } from './text.ts';

export const action: Action<typeof log> = async ({ output, flags, signal }, { files, schema }) => {
  if (files.length === 0) throw noFile();
  const tables = schema === undefined ? new Map<string, LoggedTable>() : await tablesIn(schema);
  const texts: string[] = [];
  for (const file of files) {
    const bytes = new Uint8Array(await read(file));
    const segment = basename(file);
    const summary = await readingObject(
      file,
      () => new SegmentSummary(segment, readSegmentHeader(bytes), bytes.length),
    );
    const sections = dumpSegment(bytes, segment, tables);
    for (;;) {
      signal.throwIfAborted();
      const { done, value: section } = await readingObject(file, () => sections.next());
      if (done === true) break;
      summary.add(section);
      if (!flags.json) continue;
      for (const update of section.mutations.flat()) output.line(JSON.stringify(update));
      // A section may be as long as a segment: what is not read yet waits in memory.
      await flushed();
    }
    texts.push(segmentText(summary, schema !== undefined));
  }
  return { json: {}, text: texts.join('\n\n'), written: true };
};

function noFile(): UsageProblem {
  return new UsageProblem({
    code: 'no-file',
    happened: 'No segment file was named.',
    state: 'Nothing was changed.',
    next: 'Name one or more, such as cardea log /var/lib/cassandra/commitlog/CommitLog-8-1771466400000.log',
  });
}

const shape = z.object({ tables: z.array(loggedTable) });

async function tablesIn(file: string): Promise<ReadonlyMap<string, LoggedTable>> {
  try {
    const { tables } = shape.parse(JSON.parse((await read(file)).toString('utf8')));
    return new Map(tables.map((table) => [table.id, table]));
  } catch (cause) {
    if (cause instanceof UsageProblem) throw cause;
    throw new UsageProblem({
      code: 'bad-schema',
      happened: `${file} is no schema of a log: ${faultMessage(cause)}`,
      state: 'Nothing was changed.',
      next: 'Give a file with {"tables": [...]}, as an object of `log/TIMELINE/schema/` in the bucket of the environment has it.',
      cause,
    });
  }
}

async function read(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (cause) {
    const why = errorCode(cause) === 'ENOENT' ? 'there is no such file' : faultMessage(cause);
    throw new UsageProblem({
      code: 'file-not-read',
      happened: `${file} cannot be read: ${why}.`,
      state: 'Nothing was changed.',
      next: 'Name files that this user may read.',
      cause,
    });
  }
}
