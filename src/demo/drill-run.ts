import { readJournal } from '../journal/journal-reader.ts';
import { replay } from '../journal/run-state.ts';
import { runId } from '../model/identifiers.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { DrillRun } from './drill-document.ts';

interface Titles {
  readonly title: string;
  readonly steps: ReadonlyArray<{ readonly id: string; readonly title: string }>;
}

/** A finished run as the drill records it, read back from its journal, hashes verified. Throws what `readJournal` throws. */
export async function drillRun(bucket: ObjectStore, run: string, runbook: Titles): Promise<DrillRun> {
  const { events, head } = await readJournal(bucket, run);
  const state = replay(events);
  const startedAt = state?.startedAt ?? events[0]?.at ?? '';
  const from = Date.parse(startedAt);
  return {
    id: runId.parse(run),
    title: runbook.title,
    status: state?.status ?? 'running',
    startedAt,
    seconds: state?.seconds ?? 0,
    actor: state?.actor ?? { name: '', via: 'cli', host: '' },
    journal: { events: head.sequence, head: head.hash },
    steps: runbook.steps
      .flatMap(({ id, title }) => {
        const step = state?.steps[id];
        if (step === undefined) return [];
        const { status, seconds = 0, startedAt: begun = startedAt } = step;
        return [{ id, title, status, offset: Math.max(0, (Date.parse(begun) - from) / 1000), seconds }];
      })
      .sort((a, b) => a.offset - b.offset),
  };
}
