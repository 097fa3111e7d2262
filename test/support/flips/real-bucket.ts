import { cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { formatInstant, microsOf } from '../../../src/model/instant.ts';
import { timelineId } from '../../../src/model/identifiers.ts';
import { LogIndexer } from '../../../src/node/shipping/log-indexer.ts';
import { streamsOf } from '../../../src/runbooks/recovery/log-range-reader.ts';
import { listPoints } from '../../../src/runbooks/catalog/point-catalog.ts';
import { eventNames } from '../killed-run.ts';
import { loadSample, sandboxUp, shippedUpTo, type TestSandbox } from '../sandbox.ts';

const taken = z.object({ run: z.string(), point: z.string() });
const ran = z.object({ run: z.string(), ok: z.literal(true) });
const found = z.object({ largestRemoval: z.string() });

/** What a bucket of a sandbox holds, by the names that questions ask for. */
export const bucketFacts = z.object({
  node: z.object({ name: z.string(), datacenter: z.string(), rack: z.string(), address: z.string() }),
  keyspace: z.string(),
  indexBackend: z.string().optional(),
  points: z.array(z.string()),
  /** Each on a timeline, with something in the log behind it. */
  instants: z.array(z.object({ timeline: z.string(), instant: z.string() })),
  /** A restore that a person decided, and one that was killed after it had moved data aside. */
  restored: z.string(),
  killed: z.string(),
  undone: z.string(),
  /** Long after all of it: no lease holds any more. */
  leftAt: z.string(),
});
export type BucketFacts = z.infer<typeof bucketFacts>;

/**
 * The bucket of a ring of one, as days of use leave it, copied byte for byte to `folder/bucket`, with what it holds in `folder/facts.json`: full and
 * differential backups, one of them proven; a log on two timelines; an undo by a compensating transaction; a restore to an instant that was
 * accepted, and another that was killed with its data aside. Does nothing when the folder is there.
 */
export async function makeRealBucket(folder: string): Promise<void> {
  if (existsSync(join(folder, 'facts.json'))) return;
  const sandbox = await sandboxUp(1);
  try {
    const facts = await live(sandbox);
    const { bucket } = await sandbox.status();
    mkdirSync(folder, { recursive: true });
    cpSync(bucket, join(folder, 'bucket'), { recursive: true, preserveTimestamps: true });
    cpSync(join(sandbox.directory, 'keys'), join(folder, 'keys'), { recursive: true });
    writeFileSync(join(folder, 'facts.json'), JSON.stringify(facts, null, 2));
  } finally {
    await sandbox.down();
  }
}

async function live(sandbox: TestSandbox): Promise<BucketFacts> {
  const { platform } = sandbox;
  const [node] = platform.nodes;
  if (node === undefined) throw new TypeError('a sandbox without nodes');
  await loadSample(platform, 'flipped-bits');
  const { point } = await sandbox.answer(taken, 'backup', 'local', '--quiesced');
  const instants: BucketFacts['instants'] = [];
  const mark = async (timeline: string) => {
    const instant = formatInstant(microsOf(new Date()));
    await write(sandbox);
    await shippedUpTo(sandbox, formatInstant(microsOf(new Date())));
    instants.push({ timeline, instant });
  };
  await write(sandbox);
  await mark('t0001');
  await sandbox.answer(taken, 'backup', 'local');
  await sandbox.answer(z.unknown(), 'rehearse', 'local', point);
  await platform.graph.submit('g.V().hasLabel("account").limit(5).drop().iterate(); g.tx().commit(); []');
  await shippedUpTo(sandbox, formatInstant(microsOf(new Date())));
  const { largestRemoval } = await sandbox.answer(found, 'transactions', 'local', '--around', 'now', '--within', '5m');
  const undone = await sandbox.answer(ran, 'undo', 'local', '--group', largestRemoval, '--confirm', 'local');
  await mark('t0001');
  const [, second] = instants;
  const restored = await sandbox.answer(ran, 'restore', 'local', '--to', second?.instant ?? '', '--confirm', 'local');
  await sandbox.answer(ran, 'restore', 'accept', restored.run, '--env', 'local', '--confirm', 'local');
  await mark('t0002');
  await sandbox.answer(taken, 'backup', 'local');
  await mark('t0002');
  const events = await eventNames(sandbox, restored.run);
  const before = events.slice(0, events.indexOf('step-succeeded set-aside'));
  const { signal, stdout } = await sandbox.begin(
    ['restore', 'local', '--to', instants.at(-1)?.instant ?? '', '--confirm', 'local'],
    { variables: { CARDEA_FAULT: `kill-after-news:${JSON.stringify(before)}` } },
  ).ended;
  if (signal !== 'SIGKILL') throw new TypeError(`the restore was to die, and said ${stdout}`);
  // As the node's agent does it when the hour is over.
  for (const hostId of await streamsOf(platform.bucket, 't0001')) {
    const stream = { bucket: platform.bucket, timeline: timelineId.parse('t0001'), hostId, node: node.name };
    const indexer = new LogIndexer({ ...stream, isFinished: () => true });
    while (await indexer.step(microsOf(new Date(Date.now() + 7_200_000))));
  }
  const runs = await Array.fromAsync(platform.bucket.children('runs/')).then((all) =>
    all.filter((each) => each.startsWith('runs/restore-')),
  );
  return {
    node: { name: node.name, datacenter: node.datacenter, rack: node.rack, address: node.address },
    keyspace: platform.keyspace,
    indexBackend: platform.indexBackend,
    points: (await listPoints(platform.bucket)).map(({ id }) => id).reverse(),
    instants,
    restored: restored.run,
    killed: runs.sort().at(-1)?.split('/')[1] ?? '',
    undone: undone.run,
    leftAt: new Date(Date.now() + 600_000).toISOString(),
  };
}

/** A transaction that makes something and one that removes something. */
async function write({ platform }: TestSandbox): Promise<void> {
  await platform.graph.submit('g.addV("customer").property("name", "flip").iterate(); g.tx().commit(); []');
  await platform.graph.submit('g.V().hasLabel("account").limit(1).drop().iterate(); g.tx().commit(); []');
}
