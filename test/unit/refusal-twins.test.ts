import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { restoreRunbook, revertRunbook } from '../../src/runbooks/index.ts';

/**
 * What a restore would be refused for, or fail with, once servers are stopped and data is moved has to be found while everything still serves:
 * each code that such a step can throw has a twin, a step before `stop-graph` that meets the same fault first, or a reason why nothing can meet
 * it there. The codes are read from the source, of all that these runbooks, their agents' jobs and the parts below them import.
 */
const checkout = join(import.meta.dirname, '../..');

const roots = [
  ...['restore', 'revert', 'accept'].map((name) => `src/runbooks/${name}.ts`),
  ...['aside-jobs', 'restore-job', 'place-logs-job'].map((name) => `src/node/jobs/${name}.ts`),
  'src/node/job-table.ts',
  'src/node/shipping/shipping-loop.ts',
  'src/adapters/cassandra-node/cassandra-node.ts',
  'src/adapters/cassandra/database.ts',
  'src/adapters/directory/directory-store.ts',
  'src/adapters/janusgraph/graph-service.ts',
  'src/adapters/medusa/medusa.ts',
  'src/adapters/node-agent/node-agent.ts',
  'src/adapters/node-files/node-files.ts',
  'src/adapters/s3/s3-store.ts',
  'src/platforms/sandbox/cassandra-ring.ts',
  'src/platforms/sandbox/graph-server.ts',
  'src/platforms/sandbox/index-aside.ts',
];

/** The step before `stop-graph` that meets the same first: of `restore`, or of `revert`. */
const twins: Readonly<Record<string, string>> = {
  'agent-not-understood': 'check-files',
  'agent-outdated': 'check-files',
  'aside-elsewhere': 'check-aside',
  'backup-damaged': 'check-files',
  'bad-document': 'check-point',
  'bad-manifest': 'stage-files',
  'bucket-changed': 'check-files',
  'bucket-of-another-environment': 'check-files',
  'cannot-read': 'stage-files',
  'clocks-apart': 'plan-logs',
  // Of a table that is not there: check-point looks for it in the inventory of the point.
  'database-query-failed': 'check-point',
  'disk-too-small': 'check-disk',
  'download-damaged': 'stage-files',
  'end-unreachable': 'plan-logs',
  'epoch-leap': 'check-files',
  'graph-form-unsupported': 'check-point',
  'half-restored': 'check-restore',
  'history-changed': 'same-history',
  'in-the-future': 'plan-logs',
  'instant-unreachable': 'plan-logs',
  'inventory-changed': 'same-files',
  'inventory-damaged': 'check-files',
  'inventory-missing': 'check-files',
  'layout-differs': 'check-point',
  'lock-unusable': 'check-aside',
  'log-damaged': 'verify-logs',
  'log-plan-changed': 'verify-logs',
  'log-plan-missing': 'verify-logs',
  'log-schema-damaged': 'verify-logs',
  'log-shrunk': 'plan-logs',
  'medusa-failed': 'stage-files',
  'no-base': 'plan-logs',
  'no-good-point': 'check-point',
  'no-log-there': 'plan-logs',
  'nothing-aside': 'check-kept',
  'object-missing': 'check-store',
  'point-not-good': 'check-point',
  'point-of-another-environment': 'check-point',
  'restore-being-decided': 'check-restore',
  'restore-closed': 'check-restore',
  'restore-damaged': 'stage-files',
  'restore-incomplete': 'stage-files',
  'restore-open': 'check-point',
  'restore-unfinished': 'check-restore',
  'run-decided': 'check-restore',
  'stale-epoch': 'check-files',
  'stopped-unprovable': 'check-aside',
  'stopped-unproved': 'check-aside',
  'store-credentials': 'check-store',
  'store-denied': 'check-store',
  'store-failed': 'check-store',
  'store-full': 'check-store',
  'store-inconsistent': 'check-store',
  'store-missing': 'check-store',
  'store-untrusted': 'check-store',
  'store-without-conditions': 'check-store',
  'tables-not-understood': 'plan-logs',
  'timeline-broken': 'plan-logs',
  'times-not-assigned': 'plan-logs',
};

const asItGoes = {
  /** The servers are stopped then, and start after the data is in place. */
  start:
    'Whether a server starts on the restored data is known when it starts. The data is in place; resume or revert.',
  /** Read after the start from what was restored. */
  data: 'It is said of the restored data, which nobody can ask before it is in place. Resume or revert.',
  moved:
    'It is what the same run, or the one that is reverted, moved; before the first move there is nothing to look at.',
  cut: 'Shown by the cut of the log. Where the log is cut before the stop, it is met there; else the placement fails. Resume or revert.',
  never: 'No step after stop-graph can throw it: it belongs to another use of the same file.',
} as const;

/** Why a code has no twin. */
const reasons: Readonly<Record<string, string>> = {
  'accepted-contended': asItGoes.never,
  'aside-busy': asItGoes.moved,
  'cannot-move':
    'The renames that were made stay; check-aside compares the file systems, and only the rename itself tells more.',
  'data-present':
    'Directories are empty because set-aside emptied them. What lies there then was written in between; it is kept, and named.',
  'database-denied': asItGoes.data,
  'database-running': 'It runs until stop-database, and has to. check-aside asks whether its end will be seen.',
  'database-started': 'Somebody starts it while files are moved. The lock refuses everybody who respects it.',
  'fingerprint-differs': asItGoes.data,
  'graph-denied': asItGoes.data,
  'graph-missing':
    'make-sound passes over tables in which JanusGraph has written nothing, and its first start writes what the steps after it read.',
  'graph-not-started': asItGoes.start,
  'graph-script-failed': asItGoes.data,
  'graph-unsound': asItGoes.data,
  'graph-value-unfit': asItGoes.data,
  'ids-not-advanced': 'It is the outcome of a write to the restored database, read back. Resume writes again.',
  'index-refuses': asItGoes.data,
  'journal-damaged': 'The journal of the run that is decided; check-restore reads the same one first.',
  'log-compression-unknown': asItGoes.cut,
  'log-encrypted': asItGoes.cut,
  'log-not-shipped': 'Agents are told to ship after the start; one that is away follows by itself.',
  'log-not-understood': asItGoes.cut,
  'log-schema-missing': asItGoes.cut,
  'log-stream-foreign':
    'Another agent writes the stream of this node, which shows when this one ships; the restored data is not touched.',
  'log-table-unknown': asItGoes.cut,
  'log-version-unknown': asItGoes.cut,
  'not-lost': asItGoes.never,
  'node-not-started': asItGoes.start,
  'nodetool-failed': 'Only repair-roles calls nodetool after the stop. Its failure is said and ends nothing.',
  'point-contended': asItGoes.never,
  'point-exists': asItGoes.never,
  'point-vanished': asItGoes.never,
  'process-not-started': asItGoes.start,
  'ring-not-ready': asItGoes.start,
  'schema-changed':
    'Thrown by extend-logs, after the graph has stopped and before anything is moved: a table that was made while the run prepared. What was stopped is started again.',
  'shipping-off': asItGoes.never,
  'snapshot-failed': asItGoes.never,
  'tables-not-created': 'The restored database is asked to make a table. Resume or revert.',
  'too-many-findings': asItGoes.never,
  unexpected: 'A defect of the program.',
};

test('every code that a destructive step of a restore can throw has a twin before stop-graph, or a reason why not', () => {
  const known = new Set([...Object.keys(twins), ...Object.keys(reasons)]);
  const unknown = [...codes()].filter(([code]) => !known.has(code));
  expect(
    Object.fromEntries(unknown),
    'Let a step before stop-graph meet the same fault first and name it in `twins`, or say in `reasons` why none can.',
  ).toEqual({});
});

test('every twin is a step that ends before stop-graph begins', () => {
  const before = new Set([...stepsBefore(restoreRunbook.steps), ...stepsBefore(revertRunbook.steps)]);
  expect(Object.entries(twins).filter(([, step]) => !before.has(step))).toEqual([]);
  expect(Object.keys(twins).filter((code) => code in reasons)).toEqual([]);
});

test('the codes of the jobs that move files are among those that are found', () => {
  const found = codes();
  for (const code of ['aside-elsewhere', 'data-present', 'database-running', 'restore-damaged', 'stopped-unproved']) {
    expect(found.has(code), code).toBe(true);
  }
});

/** By code: the files that refuse or fail with it. */
function codes(): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const file of imported()) {
    const text = readFileSync(join(checkout, file), 'utf8');
    for (const [, code = ''] of text.matchAll(/new (?:Refused|Failed)Problem\(\{\s*code:([^\n]*),\n/g)) {
      // `command === 'snapshot' ? 'snapshot-failed' : 'nodetool-failed'`: what it is compared with is no code.
      for (const [, name = ''] of code.replaceAll(/===\s*'[^']*'/g, '').matchAll(/'([a-z0-9-]+)'/g)) {
        found.set(name, [...(found.get(name) ?? []), file]);
      }
    }
  }
  return found;
}

/** The roots and every file that they import as more than types. */
function imported(): ReadonlySet<string> {
  const found = new Set<string>();
  const queue = [...roots];
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (found.has(file)) continue;
    found.add(file);
    const text = readFileSync(join(checkout, file), 'utf8');
    for (const [, path = ''] of text.matchAll(/^(?:import|export) (?!type )[^;]*?from '(\.[^']+)';/gm)) {
      queue.push(relative(checkout, join(checkout, dirname(file), path)));
    }
  }
  return found;
}

interface Named {
  readonly id: string;
  readonly needs: readonly string[];
}

function stepsBefore(steps: readonly Named[]): ReadonlySet<string> {
  const before = new Set<string>();
  const queue = ['stop-graph'];
  for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
    for (const need of steps.find((step) => step.id === id)?.needs ?? []) {
      before.add(need);
      queue.push(need);
    }
  }
  return before;
}
