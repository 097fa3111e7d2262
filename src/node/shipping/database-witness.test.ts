import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import { MemoryStore } from '../../../test/support/memory-store.ts';
import { second, ShippedBucket } from '../../../test/support/shipped-bucket.ts';
import { firstLink } from '../../commitlog/piece-chain.ts';
import { timelineId } from '../../model/identifiers.ts';
import { formatInstant, instantOf, micros, microsOf } from '../../model/instant.ts';
import { type LogMark, logMarkDocument } from '../../model/log-piece.ts';
import { logSchemaDocument } from '../../model/log-schema.ts';
import { DatabaseWitness } from './database-witness.ts';
import { StreamWriter } from './stream-writer.ts';

const timeline = timelineId.parse('t0001');
const hostId = '6f8a2c44-0d7e-4d35-9f04-1b3c5d7e9f01';

const tables = new Map([
  ['edgestore', '00000000-0000-4000-8000-00000000000e'],
  ['graphindex', '00000000-0000-4000-8000-00000000000f'],
]);

/** A node whose keyspaces are logged or not, and what its witnesses mark. */
class Node {
  readonly clock = new FakeClock();
  readonly bucket = new MemoryStore();
  readonly since = microsOf(this.clock.now());
  unreadable: string | undefined;
  unlogged: readonly string[] = [];
  readonly truncated = new Map<string, number>();
  #witness: DatabaseWitness | undefined;
  #stream: StreamWriter | undefined;

  /** An agent of the node, which knows what its bucket knows. */
  agent(): void {
    const { bucket, clock, since } = this;
    const position = { segment: undefined, sequence: 0, chain: firstLink(timeline, hostId), covered: since };
    const stream = { bucket, clock, timeline, hostId, node: 'node-1', since, position };
    this.#stream = new StreamWriter({ ...stream, writer: 'w', held: undefined, clockLeads: [], current: undefined });
    const schemaVersion = () => this.unlogged.join();
    this.#witness = new DatabaseWitness(
      {
        bucket,
        clock,
        database: {
          glance: async () => ({
            hostId,
            tokens: [],
            schemaVersion: schemaVersion(),
            truncated: new Map(this.truncated),
            streams: [],
          }),
          schema: async () => ({
            schemaVersion: schemaVersion(),
            cql: '',
            tables: [...tables].map(([table, id]) => ({ keyspace: 'bank', table, id, columns: [], dropped: [] })),
            keyspaces: [
              { keyspace: 'bank', durableWrites: true, replication: {} },
              ...this.unlogged.map((keyspace) => ({ keyspace, durableWrites: false, replication: {} })),
            ],
          }),
          close: async () => {},
        },
      },
      [],
    );
  }

  get stream(): StreamWriter {
    if (this.#stream === undefined) throw new TypeError('there is no agent yet');
    return this.#stream;
  }

  async look(minutes: number): Promise<void> {
    for (let minute = 0; minute < minutes; minute += 1) {
      this.clock.leap(60_000);
      await this.#witness?.look(this.#stream, this.unreadable);
    }
  }

  get now(): string {
    return formatInstant(microsOf(this.clock.now()));
  }

  get marks(): readonly LogMark[] {
    return [...this.bucket.objects.keys()]
      .filter((key) => key.includes('/marks/'))
      .sort()
      .map((key) => logMarkDocument.read(this.bucket.text(key), key));
  }
}

test('a keyspace that is not logged has one mark however long it is so, also over restarts of the agent', async () => {
  const node = new Node();
  node.agent();
  await node.look(5);
  const { now: before } = node;
  node.unlogged = ['scratch'];
  await node.look(120);
  node.agent();
  await node.look(120);
  const { marks } = node;
  expect(marks).toHaveLength(1);
  expect(marks[0]).toMatchObject({ what: 'bypass', at: before, reason: expect.stringMatching(/^scratch has durable/) });
  // A base that is taken now is none from after it.
  expect((marks[0]?.until ?? '') > node.now).toBe(true);
});

test('a log that nobody can read is marked from the last look on as long as that is so, also over a restart of the agent', async () => {
  const node = new Node();
  node.agent();
  await node.look(2);
  const { now: before } = node;
  node.unreadable = 'its format has the version 101';
  await node.look(25);
  node.agent();
  await node.look(45);
  const [mark, ...more] = node.marks;
  expect(more).toEqual([]);
  expect(mark).toMatchObject({
    what: 'bypass',
    at: before,
    reason: expect.stringContaining('its format has the version 101'),
  });
  expect((mark?.until ?? '') > node.now).toBe(true);
  node.unreadable = undefined;
  await node.look(1);
  expect(node.marks[0]?.until.slice(0, 19)).toBe(node.now.slice(0, 19));
});

test('each change of what is not logged is a mark of its own, and the one before ends there', async () => {
  const node = new Node();
  node.agent();
  await node.look(2);
  node.unlogged = ['scratch'];
  await node.look(30);
  node.unlogged = ['more', 'scratch'];
  await node.look(1);
  const { now } = node;
  await node.look(30);
  node.unlogged = [];
  await node.look(1);
  const { now: end } = node;
  await node.look(60);
  const marks = node.marks.filter(({ what }) => what === 'bypass');
  expect(marks.map(({ reason }) => reason.split(' has ')[0])).toEqual(['scratch', 'more, scratch']);
  expect((marks[0]?.until ?? '') >= now).toBe(true);
  expect((marks[1]?.until ?? '') >= end).toBe(true);
});

test('a truncate is told once, also over restarts of the agent, and two tables that were emptied together are both told', async () => {
  const node = new Node();
  node.agent();
  await node.look(5);
  const { now: before } = node;
  node.clock.leap(1000);
  for (const id of tables.values()) node.truncated.set(id, node.clock.now().getTime());
  await node.look(1);
  const [first, ...more] = node.marks;
  expect(more).toEqual([]);
  expect(first).toMatchObject({ what: 'truncate', at: before });
  for (const table of tables.keys()) expect(first?.reason).toContain(`bank.${table} was truncated`);
  for (let restart = 0; restart < 3; restart += 1) {
    await node.look(30);
    node.agent();
    await node.look(1);
  }
  expect(node.marks).toEqual([first]);
});

test('a truncate whose mark retention has removed, with the log of its time, is not told again by the next agent', async () => {
  const { node } = await truncated();
  const [told] = node.marks;
  await node.look(60);
  const count = (at: string) => (instantOf(at) - second(0)) / 1_000_000;
  for (const [segment, isTold] of [
    [1, true],
    [2, false],
  ] as const) {
    // The first segment begins before the truncate, the second one after it.
    const shipped = new ShippedBucket();
    await shipped.begin(timeline, hostId, count(formatInstant(node.since)));
    await shipped.ship(timeline, hostId, { segment: 0, covered: count(formatInstant(node.since)) + 1 });
    const keys = [
      await shipped.ship(timeline, hostId, { segment: 1, covered: count(told?.until ?? '') + 60 }),
      await shipped.ship(timeline, hostId, { segment: 2, covered: count(node.now) }),
    ];
    for (const key of keys) node.bucket.remove(key);
    for (const key of keys.slice(segment - 1)) node.bucket.set(key, (await shipped.store.get(key))?.body ?? '');
    for (const key of node.bucket.objects.keys()) if (key.includes('marks/')) node.bucket.remove(key);
    node.agent();
    await node.look(1);
    expect(node.marks.length > 0).toBe(isTold);
  }
});

test('a mark of a truncate that cannot be read any more is told again by the next agent', async () => {
  const node = new Node();
  node.agent();
  await node.look(5);
  node.truncated.set(tables.get('edgestore') ?? '', node.clock.now().getTime());
  await node.look(1);
  const key = [...node.bucket.objects.keys()].find((each) => each.includes('/marks/')) ?? '';
  node.bucket.set(key, '{');
  node.agent();
  await node.look(1);
  const readable = [...node.bucket.objects.keys()].filter((each) => each.includes('/marks/'));
  expect(readable.some((each) => node.bucket.text(each).includes('was truncated'))).toBe(true);
});

/** A truncate that an agent has told, and the bucket's objects of it: the mark, then its copy. */
async function truncated() {
  const node = new Node();
  node.agent();
  await node.look(5);
  node.truncated.set(tables.get('edgestore') ?? '', node.clock.now().getTime());
  await node.look(1);
  const keyOf = (folder: string) => [...node.bucket.objects.keys()].find((key) => key.includes(folder)) ?? '';
  return { node, mark: keyOf('/marks/'), copy: keyOf('log-marks/') };
}

test.each(['mark', 'copy'] as const)(
  'a %s that was lost or damaged is written anew by the next agent',
  async (which) => {
    for (const damage of ['lost', 'damaged']) {
      const made = await truncated();
      const { node, mark, copy } = made;
      const before = node.bucket.text(mark);
      expect(node.bucket.text(copy)).toBe(before);
      if (damage === 'lost') node.bucket.remove(made[which]);
      else node.bucket.set(made[which], '{');
      await node.look(30);
      node.agent();
      await node.look(1);
      // Told once more it would be of a later instant, and ask for a newer base.
      expect(node.marks).toHaveLength(1);
      expect([node.bucket.text(mark), node.bucket.text(copy)]).toEqual([before, before]);
    }
  },
);

test('a mark that is lost while its agent runs is made wider from what its copy tells', async () => {
  const { node, mark, copy } = await truncated();
  const [before] = node.marks;
  node.bucket.remove(mark);
  const stream = node.stream;
  const [at, until] = [instantOf(before?.at ?? ''), instantOf(before?.until ?? '')];
  await stream.widenMark('truncate', at, micros(until - 1), 'another table was truncated');
  expect(node.marks).toMatchObject([{ ...before, reason: `${before?.reason}; another table was truncated` }]);
  expect(node.bucket.text(copy)).toBe(node.bucket.text(mark));
});

test('a mark whose writing was cut off after its copy is whole after the next agent has begun', async () => {
  const { node, mark, copy } = await truncated();
  const [before] = node.marks;
  const later = micros(instantOf(before?.until ?? '') + 60e6);
  node.bucket.loseAnswerOf = /^log-marks/;
  await expect(
    node.stream.extendMark('truncate', instantOf(before?.at ?? ''), later, before?.reason ?? ''),
  ).rejects.toThrow();
  expect(node.marks).toEqual([before]);
  node.agent();
  await node.look(1);
  expect(node.marks).toMatchObject([{ ...before, until: formatInstant(later) }]);
  expect(node.bucket.text(copy)).toBe(node.bucket.text(mark));
});

test('a schema that cannot be read any more is followed by another one, so that bases can be brought forward again', async () => {
  const bucket = new MemoryStore();
  const clock = new FakeClock();
  const schemaVersion = '0192';
  const database = {
    glance: async () => ({ hostId: 'a', schemaVersion, tokens: ['0'], truncated: new Map(), streams: [] }),
    schema: async () => ({ schemaVersion, tables: [], keyspaces: [], cql: '' }),
    close: async () => undefined,
  };
  const since = instantOf('2026-02-19T01:00:00.000000Z');
  const stream = { timeline: 't0001', since, resumedAt: since + 60_000_000 } as unknown as StreamWriter;
  await new DatabaseWitness({ database, bucket, clock }, undefined).look(stream);
  const [first = ''] = bucket.objects.keys();
  await bucket.put(first, 'damaged');
  await new DatabaseWitness({ database, bucket, clock }, undefined).look(stream);
  const [, second = ''] = [...bucket.objects.keys()].sort();
  expect(second).toContain('2026-02-19T010100');
  const stored = await bucket.get(second);
  expect(logSchemaDocument.read(stored?.body ?? '', second)).toMatchObject({ schemaVersion });
});
