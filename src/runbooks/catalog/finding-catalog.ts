import { z } from 'zod';
import { type CheckResult, recordedFindings } from '../../graph/check.ts';
import { finding, type Found, identityOf } from '../../graph/invariants/finding.ts';
import { documentType } from '../../model/document.ts';
import { ConflictProblem } from '../../ports/object-store.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import { FailedProblem, Problem } from '../../model/problem.ts';

/**
 * What a graph was known to have when it was looked at: the findings of a restore point, of a restored graph, and those that a person
 * accepted. A finding that is among them is no new fault, wherever it is seen again.
 */
const identity = finding.omit({ detail: true });

export const findingsDocument = documentType(
  'findings',
  1,
  {
    /** The restore point, or the run that restored a graph. */
    of: z.string(),
    at: z.iso.datetime(),
    /** How many there were of each kind. */
    counts: z.record(z.string(), z.number().int().positive()),
    /** At most `recordedFindings`. */
    findings: z.array(
      identity.extend({
        /** Of a later backup: not there at the one before, and accepted by nobody. It belongs to this state, and stays a new fault of the live graph. */
        fresh: z.literal(true).optional(),
      }),
    ),
  },
  { sealed: true },
);
type Findings = z.infer<typeof findingsDocument.body>;

export const acceptedDocument = documentType(
  'accepted-findings',
  1,
  { findings: z.array(identity.extend({ by: z.string(), at: z.iso.datetime() })) },
  { sealed: true },
);
type Accepted = z.infer<typeof acceptedDocument.body>['findings'];

const prefix = 'findings/';
const acceptedKey = `${prefix}accepted.json`;

/** `of`: a restore point, or a run that restored. */
export function findingsKey(of: string): string {
  return `${prefix}${of}.json`;
}

/** How many of the newest records count for the live graph: those of points that were left out or taken back may be the newest. */
const newestRecords = 4;

/** Findings that are no new fault, with the reason for each, by identity. */
export class KnownFindings {
  /** Records that cannot be read, each with the object's name: what they knew counts as new. */
  readonly damaged: string[] = [];
  readonly #why = new Map<string, string>();

  get size(): number {
    return this.#why.size;
  }

  add(known: z.infer<typeof identity>, why: string): void {
    if (!this.#why.has(identityOf(known))) this.#why.set(identityOf(known), why);
  }

  why(found: z.infer<typeof identity>): string | undefined {
    return this.#why.get(identityOf(found));
  }

  readonly judge = ({ finding: found }: Found): string | undefined => this.why(found);
}

/** What is known of the live graph: by the newest records of its points and restores, and by what people accepted. */
export async function knownFindings(bucket: ObjectStore): Promise<KnownFindings> {
  const known = new KnownFindings();
  for (const each of (await readable(known, async () => acceptedFindings(bucket))) ?? [])
    known.add(each, `accepted by ${each.by} at ${each.at}`);
  for (const record of await newestOf(bucket, known)) {
    for (const each of record.findings) if (each.fresh !== true) known.add(each, `recorded in ${record.of}`);
  }
  return known;
}

/** Adds all that a point recorded: what it comes back to has them, accepted or not. */
export async function addFindingsOf(known: KnownFindings, bucket: ObjectStore, point: string): Promise<void> {
  const record = await readable(known, async () => findFindings(bucket, point));
  for (const each of record?.findings ?? []) {
    known.add(each, each.fresh === true ? `recorded in ${point}, not accepted` : `recorded in ${point}`);
  }
}

/** One damaged record must not stop whoever only judges what is new. */
async function readable<T>(known: KnownFindings, read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (thrown) {
    if (!(thrown instanceof Problem) || thrown.code !== 'bad-document') throw thrown;
    if (!known.damaged.includes(thrown.happened)) known.damaged.push(thrown.happened);
    return undefined;
  }
}

export async function findFindings(bucket: ObjectStore, of: string): Promise<Findings | undefined> {
  const stored = await bucket.get(findingsKey(of));
  return stored === undefined ? undefined : findingsDocument.read(stored.body, stored.key);
}

/**
 * Records what a check found, of a state that nobody changed meanwhile. The first record of a bucket is its baseline. After that a finding
 * that was not known before is recorded as `fresh`: a baseline grows only by a person's word, and shrinks as findings go.
 */
export async function recordFindings(
  bucket: ObjectStore,
  of: string,
  { all, allNew, counts }: Pick<CheckResult, 'all' | 'allNew' | 'counts'>,
  { at, first }: { readonly at: Date; readonly first: boolean },
): Promise<{ readonly fresh: number }> {
  const unknown = new Set(first ? [] : allNew.map(identityOf));
  const findings = all.slice(0, recordedFindings).map((each) => {
    const fresh = unknown.has(identityOf(each));
    return fresh ? { ...each, fresh: true as const } : each;
  });
  await bucket.put(
    findingsKey(of),
    findingsDocument.write({ of, at: at.toISOString(), counts: { ...counts }, findings }),
  );
  return { fresh: findings.filter((each) => 'fresh' in each).length };
}

/** Whether a point's findings were ever recorded here. */
export async function hasBaseline(bucket: ObjectStore): Promise<boolean> {
  const known = new KnownFindings();
  const records = await newestOf(bucket, known);
  // What cannot be read was recorded all the same: the next one is no first.
  return known.damaged.length > 0 || records.some(({ of }) => of.startsWith('backup-'));
}

/** Copies the record of a run to the point that it proved; the run's own is not needed any more. */
export async function moveFindings(bucket: ObjectStore, from: string, to: string): Promise<void> {
  const record = await findFindings(bucket, from);
  if (record === undefined) return;
  await bucket.put(findingsKey(to), findingsDocument.write({ ...record, of: to }));
  await bucket.delete(findingsKey(from));
}

/** Adds findings to those that people accepted, and drops those that are gone from the graph. `all`: everything that it has now. */
export async function acceptFindings(
  bucket: ObjectStore,
  accepted: CheckResult['findings'],
  all: CheckResult['all'],
  { by, at }: { readonly by: string; readonly at: Date },
): Promise<void> {
  const there = new Set(all.map(identityOf));
  for (let attempt = 0; attempt < 20; attempt += 1) {
    const stored = await bucket.get(acceptedKey);
    // A damaged list is replaced: what it had accepted is new again, and is asked for again.
    const before =
      stored === undefined
        ? []
        : ((await readable(new KnownFindings(), async () => acceptedDocument.read(stored.body, acceptedKey)))
            ?.findings ?? []);
    const kept = before.filter((each) => there.has(identityOf(each)));
    const known = new Set(kept.map(identityOf));
    const added = accepted
      .filter((each) => !known.has(identityOf(each)))

      // What is told to people stays out: it quotes values.
      .map((each) => ({ ...each, by, at: at.toISOString() }));
    const condition = stored === undefined ? { ifAbsent: true as const } : { ifMatch: stored.etag };
    try {
      await bucket.put(acceptedKey, acceptedDocument.write({ findings: [...kept, ...added] }), condition);
      return;
    } catch (error) {
      if (!(error instanceof ConflictProblem)) throw error;
    }
  }
  throw new FailedProblem({
    code: 'accepted-contended',
    happened: 'Others changed the accepted findings during each of twenty attempts.',
    state: 'Nothing was accepted by this command.',
    next: 'Run the same command again.',
  });
}

async function acceptedFindings(bucket: ObjectStore): Promise<Accepted> {
  const stored = await bucket.get(acceptedKey);
  return stored === undefined ? [] : acceptedDocument.read(stored.body, acceptedKey).findings;
}

/** The newest records of points, and of restores: their names hold their times. */
async function newestOf(bucket: ObjectStore, known: KnownFindings): Promise<readonly Findings[]> {
  const names: string[] = [];
  for await (const { key } of bucket.list(prefix)) names.push(key.slice(prefix.length, -'.json'.length));
  const newest = (kind: RegExp): string[] =>
    names
      .filter((name) => kind.test(name))
      .sort()
      .slice(-newestRecords);
  const records: Findings[] = [];
  for (const name of [...newest(/^backup-\d/), ...newest(/^restore-\d/)]) {
    const record = await readable(known, async () => findFindings(bucket, name));
    if (record !== undefined) records.push(record);
  }
  return records;
}
