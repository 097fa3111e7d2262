import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { medusaCodes } from '../../src/adapters/medusa/medusa-fault.ts';
import { restoreRunbook, revertRunbook } from '../../src/runbooks/index.ts';

/**
 * What a restore would be refused for, or fail with, once servers are stopped and data is moved has to be found while everything still serves:
 * each code that such a step can throw has a twin, a step before `stop-graph` that meets the same fault first, or a reason why nothing can meet
 * it there. So has each kind of document, of which one code tells all. The codes are read from the source, of all that these runbooks, their
 * agents' jobs and the parts below them import; also those of faults that may pass, because the last attempt makes them final.
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

/**
 * The step before `stop-graph` that meets the same first: of `restore`, or of `revert`. A restore `--without-staging` has no `stage-files`: what
 * only that meets comes after the stop then, as the plan of such a restore says.
 */
const twins: Readonly<Record<string, string>> = {
  'tokens-changed': 'check-point',
  'tokens-differ': 'check-point',
  'agent-not-understood': 'check-files',
  'agent-outdated': 'check-files',
  'ambiguous-group': 'verify-logs',
  'aside-elsewhere': 'check-aside',
  'backup-damaged': 'check-files',
  'bad-group': 'verify-logs',
  'bad-manifest': 'stage-files',
  'bucket-changed': 'check-files',
  'bucket-of-another-environment': 'check-files',
  'cannot-read': 'stage-files',
  // Of a restore; a revert asks in check-kept.
  'change-unfinished': 'check-point',
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
  'log-holds-emptied': 'plan-logs',
  'log-schema-damaged': 'verify-logs',
  'log-shrunk': 'plan-logs',
  'medusa-backup-missing': 'stage-files',
  'medusa-disk-full': 'stage-files',
  'medusa-failed': 'stage-files',
  'medusa-manifest-damaged': 'stage-files',
  'medusa-store-denied': 'stage-files',
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
  'undo-conflicts': 'verify-logs',
  'unknown-group': 'verify-logs',
  'unknown-point': 'check-point',
  'unknown-restore': 'check-restore',
  'unknown-run': 'check-restore',
  'unknown-timeline': 'plan-logs',
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
  /** It answered before the stop, and nobody knows whether it will after it. */
  away: 'It may go away at any moment. It is waited for; then what was stopped is started again or, after the first move, the run is resumed or reverted.',
  /** Shipping is stopped and begun by each agent for itself. */
  told: 'No step fails with it: the step names the node, and its agent goes on by itself when it can.',
  never: 'No step after stop-graph can throw it: it belongs to another use of the same file.',
} as const;

/** Why a code has no twin. */
const reasons: Readonly<Record<string, string>> = {
  'logs-not-replayed': 'Only the start of Cassandra shows which segments it replays.',
  'accepted-contended': asItGoes.never,
  'agent-unreachable': asItGoes.away,
  'aside-busy': asItGoes.moved,
  'bad-document': 'One code for many documents: each kind has a twin or a reason of its own, below.',
  'bad-key': 'A defect of the program: names are checked where they come in, and no key is made of anything else.',
  'bad-runbook': 'A defect of the program, found when it starts.',
  'cannot-move':
    'The renames that were made stay; check-aside compares the file systems, and only the rename itself tells more.',
  'data-present':
    'Directories are empty because set-aside emptied them. What lies there then was written in between; it is kept, and named.',
  'database-denied': asItGoes.data,
  'database-running': 'It runs until stop-database, and has to. check-aside asks whether its end will be seen.',
  'database-started': 'Somebody starts it while files are moved. The lock refuses everybody who respects it.',
  'database-unreachable': asItGoes.away,
  'disk-replaced':
    'A disk that is replaced while the servers are stopped. Its node is not started, the others are; nothing was moved.',
  'disk-unknown': asItGoes.away,
  'disk-full':
    'check-disk asks for all the room that a restore needs; what fills the disk after it is not known before. A revert needs none.',
  'fingerprint-differs': asItGoes.data,
  'graph-denied': asItGoes.data,
  'graph-missing':
    'make-sound passes over tables in which JanusGraph has written nothing, and its first start writes what the steps after it read.',
  'graph-not-started': asItGoes.start,
  'graph-row-undecodable': asItGoes.data,
  'graph-script-failed': asItGoes.data,
  'graph-started':
    'Somebody starts JanusGraph after stop-graph. Either nothing was moved and all is started again, or the graph serves.',
  'graph-unreachable': asItGoes.away,
  'graph-unsound': asItGoes.data,
  'graph-value-unfit': asItGoes.data,
  'ids-not-advanced': 'It is the outcome of a write to the restored database, read back. Resume writes again.',
  'group-shares-slot': asItGoes.never,
  'index-refuses': asItGoes.data,
  'journal-damaged': 'The journal of the run that is decided; check-restore reads the same one first.',
  'lease-not-usable': asItGoes.never,
  'log-compression-unknown': asItGoes.cut,
  'log-encrypted': asItGoes.cut,
  'log-not-drained': asItGoes.told,
  'log-not-shipped': asItGoes.told,
  'log-not-understood': asItGoes.cut,
  'log-schema-missing': asItGoes.cut,
  'log-stream-foreign':
    'Another agent writes the stream of this node, which shows when this one ships; the restored data is not touched.',
  'log-stream-unsteady': asItGoes.told,
  'log-table-unknown': asItGoes.cut,
  'log-version-unknown': asItGoes.cut,
  'medusa-store-full': 'Medusa only reads after the stop.',
  'medusa-store-unreachable': asItGoes.away,
  'node-locked':
    'Cassandra is started when the job of its agent has ended, which holds the lock. Somebody else holds it: it is waited for, then resume or revert.',
  'nothing-to-decide': asItGoes.never,
  'node-not-started': asItGoes.start,
  'nodes-failed': 'Several nodes failed, each with a code of its own that stands here.',
  'not-lost': asItGoes.never,
  'nodetool-failed': 'Only repair-roles calls nodetool after the stop. Its failure is said and ends nothing.',
  'placed-gone':
    'A disk that is replaced after its files were placed, where they cannot be placed twice. Its node is not started; revert, or give the restore up.',
  'point-contended': asItGoes.never,
  'point-exists': asItGoes.never,
  'point-vanished': asItGoes.never,
  'process-not-started': asItGoes.start,
  'ring-not-ready': asItGoes.start,
  'schema-changed':
    'Thrown by extend-logs, after the graph has stopped and before anything is moved: a table that was made while the run prepared. What was stopped is started again.',
  'snapshot-failed': asItGoes.never,
  'step-document-changed': asItGoes.moved,
  'step-document-missing': asItGoes.moved,
  'store-busy': asItGoes.away,
  'store-unreachable': asItGoes.away,
  'tables-not-created': 'The restored database is asked to make a table. Resume or revert.',
  unexpected: 'A defect of the program.',
};

/** By the kind of a document that cannot be read: the step before `stop-graph` that reads the same one. */
const documentTwins: Readonly<Record<string, string>> = {
  aside: 'check-kept',
  'environment-identity': 'check-store',
  'graph-schema': 'plan-logs',
  inventory: 'check-files',
  'log-index': 'plan-logs',
  'log-mark': 'plan-logs',
  'log-piece': 'verify-logs',
  'log-plan': 'verify-logs',
  'log-schema': 'verify-logs',
  'log-watermark': 'plan-logs',
  'restore-point': 'check-point',
  'restore-record': 'check-restore',
  'run-event': 'check-restore',
  staged: 'clear-stage',
  'staged-logs': 'stage-logs',
};

const own =
  'What earlier runs left of it was removed when data was set aside, so that the run itself has just written it. Revert.';
const passedOver = 'A damaged one is named and passed over.';
const documentReasons: Readonly<Record<string, string>> = {
  'accepted-findings': `${passedOver} What it accepted counts as new.`,
  'drained-log': own,
  findings: `${passedOver} What it knew counts as new.`,
  'id-floor': `${passedOver} The ids jump very far ahead.`,
  'id-mark': `${passedOver} The ids jump far ahead.`,
  lease: 'No step after stop-graph reads it: the run holds it.',
  'log-placement': own,
  'passed-over': own,
  placement: own,
  'step-document': 'The run itself has just written it; where it is not that any more, the problem names it. Revert.',
  'shipping-order': 'A damaged one is replaced by the next order, which comes first of all after the stop.',
  timeline: `${passedOver} A new timeline needs only the ids of those before it.`,
};

test('every code that a destructive step of a restore can throw has a twin before stop-graph, or a reason why not', () => {
  const known = new Set([...Object.keys(twins), ...Object.keys(reasons)]);
  const unknown = [...codes()].filter(([code]) => !known.has(code));
  expect(
    Object.fromEntries(unknown),
    'Let a step before stop-graph meet the same fault first and name it in `twins`, or say in `reasons` why none can.',
  ).toEqual({});
});

test('every document that a destructive step of a restore can read has a twin before stop-graph, or a reason why not', () => {
  const kinds = new Set<string>();
  for (const [, text] of sources()) {
    for (const [, kind = ''] of text.matchAll(/documentType\(\s*'([a-z-]+)'/g)) kinds.add(kind);
  }
  expect([...kinds].toSorted()).toEqual([...Object.keys(documentTwins), ...Object.keys(documentReasons)].toSorted());
});

test('every twin is a step that ends before stop-graph begins', () => {
  const before = new Set([...stepsBefore(restoreRunbook.steps), ...stepsBefore(revertRunbook.steps)]);
  const named = [...Object.entries(twins), ...Object.entries(documentTwins)];
  expect(named.filter(([, step]) => !before.has(step))).toEqual([]);
  expect(Object.keys(twins).filter((code) => code in reasons)).toEqual([]);
  expect(Object.keys(documentTwins).filter((kind) => kind in documentReasons)).toEqual([]);
});

test('no twin and no reason is left over of a code that nothing throws any more', () => {
  const found = codes();
  expect([...Object.keys(twins), ...Object.keys(reasons)].filter((code) => !found.has(code))).toEqual([]);
});

test('the codes of the jobs that move files, of Medusa and of what may pass are among those that are found', () => {
  const found = codes();
  const some = [
    'aside-elsewhere',
    'data-present',
    'database-running',
    'restore-damaged',
    'stopped-unproved',
    'medusa-disk-full',
    'medusa-failed',
    'nodes-failed',
    'graph-row-undecodable',
    'store-unreachable',
    'log-not-drained',
    'log-stream-foreign',
    'unknown-point',
  ];
  expect(some.filter((code) => !found.has(code))).toEqual([]);
});

/** Where a problem gets a code that is not written there: from what names a cause, from a constant, or from another problem, whose code is found. */
const madeCodes: Readonly<Record<string, readonly string[]>> = {
  "found === undefined ? 'medusa-failed' : `medusa-${found.cause}`": medusaCodes,
  "common(problems, 'code') ?? 'nodes-failed'": ['nodes-failed'],
  foreignCode: ['log-stream-foreign'],
  code: [],
};

/** A problem that is made, of whatever kind, and how its code is: undefined where the code is named `code`, as that of another problem is. */
const making =
  /(?:\bnew (?:Usage|Refused|Failed|Retryable|Waiting)Problem\(|\bproblemOf\([^{}]*|\bsuper\()\{\s*code(?:: ([^\n]*),\n|,\s)/g;

/** By code: the files that make a problem of it. Fails where one is made in a way that this does not know. */
function codes(): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  const unknown: string[] = [];
  for (const [file, text] of sources()) {
    const all = [...text.matchAll(making)];
    // The classes themselves make problems of documents.
    const made = file === 'src/model/problem.ts' ? [] : text.match(/\bnew \w+Problem\((?!key\))|\bproblemOf\(/g);
    const seen = all.filter(([start]) => !start.startsWith('super('));
    if (seen.length < (made ?? []).length) unknown.push(`${file}: not every problem begins with its code`);
    for (const [, expression = 'code'] of all) {
      const names = madeCodes[expression] ?? (expression.includes('`') ? [] : literals(expression));
      if (names.length === 0 && expression !== 'code') unknown.push(`${file}: ${expression}`);
      for (const name of names) found.set(name, [...(found.get(name) ?? []), file]);
    }
  }
  expect(unknown, 'Say in `madeCodes` which codes it makes.').toEqual([]);
  return found;
}

/** `command === 'snapshot' ? 'snapshot-failed' : 'nodetool-failed'`: what it is compared with is no code. */
function literals(expression: string): readonly string[] {
  return [...expression.replaceAll(/===\s*'[^']*'/g, '').matchAll(/'([a-z0-9-]+)'/g)].map(([, name = '']) => name);
}

function sources(): ReadonlyArray<readonly [file: string, text: string]> {
  return [...imported()].map((file) => [file, readFileSync(join(checkout, file), 'utf8')]);
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
