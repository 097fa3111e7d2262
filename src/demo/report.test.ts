import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Drill, drillDocument, type Recovery } from './drill-document.ts';
import { exampleDrill } from '../../test/support/example-drill.ts';
import { markup } from './markup.ts';
import { reportOf } from './report.ts';
import { barOf } from './run-timeline.ts';
import { objectionsTo } from './verdict.ts';

const good = exampleDrill();
const [instant, undo] = good.recoveries as [Recovery, Recovery];

function withInstant(change: Partial<Recovery>): Partial<Drill> {
  return { recoveries: [{ ...instant, ...change }, undo] };
}

/** What the page says, without its style and tags. */
function wordsOf(page: string): string {
  return page
    .replace(/<style>.*?<\/style>/s, '')
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/\s+/g, ' ');
}

test('a drill in which all came back passes, in sign, word and colour', () => {
  const page = reportOf(good);
  expect(objectionsTo(good)).toEqual([]);
  expect(page).toContain('<header class="verdict good"><span class="word">✔ Passed</span>');
  expect(wordsOf(page)).not.toMatch(/FAILED|BROKEN|DIFFERENT/);
});

const failures: ReadonlyArray<readonly [string, Partial<Drill>, string]> = [
  [
    'a fingerprint that differs',
    withInstant({ restored: { ...instant.restored, sha256: 'a'.repeat(64) } }),
    'the fingerprint of the graph differs from the expected one',
  ],
  [
    'an element that differs',
    withInstant({ changed: 1, examples: ['account-3-17'] }),
    '0 elements are missing, 0 are unexpected, 1 are changed: account-3-17',
  ],
  [
    'an invariant that fails',
    {
      checks: [
        { id: 'invariants', title: 'Every invariant holds.', ok: false, observed: '2 findings: v17 is one-sided' },
      ],
    },
    '2 findings: v17 is one-sided',
  ],
  [
    'a label that is short',
    withInstant({
      restored: { ...instant.restored, vertexLabels: { ...instant.restored.vertexLabels, account: 3801 } },
    }),
    '3801 elements labelled &quot;account&quot; instead of 4801',
  ],
  ['a transaction that is there in part', withInstant({ split: 1 }), '1 transactions were restored only in part'],
  ['an empty graph', withInstant({ restored: { ...instant.restored, vertices: 0 } }), 'the graph is empty'],
  ['a recovery that was never tried', { recoveries: [instant] }, 'everything except the bad job was never tried'],
  [
    'a lost transaction that the log had promised to hold',
    { lost: { acknowledged: 4, promised: 1, ages: [0.4] } },
    '1 transactions are lost although they were in the log',
  ],
  ['a run that failed', { runs: good.runs.map((run) => ({ ...run, status: 'failed' as const })) }, 'failed'],
  ['a point that was not proven', { point: { ...good.point, proof: 'checked' } }, 'was checked, not proven'],
  ['a record that says so itself', { ok: false }, 'recorded itself as failed'],
];

test.each(failures)('C4: %s makes the report say FAILED and never passed', (_name, change, says) => {
  // All but the last claim `ok`: the page must find out by itself.
  const page = reportOf(exampleDrill(change));
  expect(page).toContain('<header class="verdict bad"><span class="word">✘ FAILED</span>');
  expect(page).toContain('<title>FAILED: ');
  expect(page).toContain(says);
  expect(page).not.toContain('verdict good');
  expect(wordsOf(page)).not.toMatch(/✔ Passed|✔ came back|value for value/);
});

test('every number of the drill stands in the page', () => {
  const words = wordsOf(reportOf(good));
  const numbers = [
    ...good.recoveries.flatMap(({ restored }) => [
      restored.vertices,
      restored.edges,
      ...Object.values(restored.vertexLabels),
      ...Object.values(restored.edgeLabels),
    ]),
    good.badJob.transactions,
    good.badJob.goodAfter,
    good.badJob.dropped.vertices,
    good.badJob.dropped.edges,
    good.application.acknowledged,
    good.lost.acknowledged,
    ...good.runs.map((run) => run.journal.events),
  ];
  for (const value of numbers) expect(words).toContain(value.toLocaleString('en'));
  for (const run of good.runs) {
    expect(words).toContain(run.id);
    expect(words).toContain(run.journal.head);
    for (const step of run.steps)
      expect(words).toContain(`${step.id} ${step.seconds.toFixed(step.seconds < 10 ? 1 : 0)} s`);
  }
  for (const { expected, to } of good.recoveries) {
    expect(words).toContain(expected.sha256);
    expect(words).toContain(to.slice(11, 26));
  }
  expect(words).toContain('30.0 MiB');
  for (const objective of good.objectives) expect(words).toContain(objective.note);
});

test('a report is honest about what was acknowledged and is gone, and how young it was', () => {
  const words = wordsOf(reportOf(good));
  expect(words).toContain(
    '4 transactions of 1,612 acknowledged, within the shipping lag before the kill. ✘ lost for good',
  );
  expect(words).toContain('The lost transactions had been acknowledged 0.05 s to 0.42 s before the kill.');
  expect(words).toContain('0.31 s after its acknowledgement at the median, 0.74 s at the 99th percentile');
});

test('nothing lost is said as plainly', () => {
  const words = wordsOf(reportOf(exampleDrill({ lost: { acknowledged: 0, promised: 0, ages: [] } })));
  expect(words).toContain('✔ nothing lost');
  expect(words).not.toContain('The lost transactions had');
});

test('the timelines stand as a tree: each below the one it left, with what it left out', () => {
  const page = reportOf(good);
  const nested = /<code>t0001<\/code>.*?<ul><li><code>t0002<\/code>.*?<\/li>\s*<li><code>t0003<\/code>.*?<\/ul>/s;
  expect(page).toMatch(nested);
  expect(wordsOf(page)).toContain('t0003 Transactions undone forked at 03:16:08.302000, without 20 transactions');
  expect(wordsOf(page)).toContain('every instant from 03:15:12.004000 to 03:16:08.302000 UTC without a gap');
});

test('an instant that the window does not have is called none', () => {
  const window = { ...good.window, oldest: null, newest: null, settled: null, gaps: 2 };
  expect(wordsOf(reportOf(exampleDrill({ window })))).toContain('from none to none UTC with 2 gaps');
});

test('the page loads nothing, runs nothing, and forbids both', () => {
  const page = reportOf(good);
  expect(page).not.toMatch(/<script|<link|<img|<iframe|@import|url\(|\son\w+=|https?:/i);
  expect(page).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`);
});

test('whatever a name holds, it is text in the page', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 30 }), (name) => {
      const { text } = markup`<p title="${name}">${name}</p>`;
      const between = text.slice('<p title="'.length, -'</p>'.length).split('">');
      expect(between).toHaveLength(2);
      for (const part of between) {
        expect(part).not.toMatch(/[<>"']/);
        expect(decoded(part)).toBe(name);
      }
    }),
  );
});

test('markup from outside reaches the page as text', () => {
  const hostile = `"><script>alert('x')</script>&`;
  const page = reportOf(
    exampleDrill({
      environment: hostile,
      store: hostile,
      cassandra: hostile,
      actor: { name: hostile, via: 'cli', host: hostile },
      checks: [{ id: hostile, title: hostile, ok: true, observed: hostile }],
      badJob: { ...good.badJob, dropped: { ...good.badJob.dropped, label: hostile } },
      recoveries: [
        { ...instant, restored: { ...instant.restored, vertexLabels: { [hostile]: 1 } }, examples: [hostile] },
      ],
      timelines: good.timelines.map((timeline) => ({ ...timeline, why: hostile })),
      objectives: [{ name: hostile, target: 1, measured: 1, state: 'met', note: hostile }],
      runs: good.runs.map((run) => ({
        ...run,
        title: hostile,
        steps: run.steps.map((step) => ({ ...step, id: hostile, title: hostile })),
      })),
    }),
  );
  expect(page).not.toContain('<script');
  expect(page).toContain('&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;');
});

test('a bar lies inside its picture and can be seen, however short the step', () => {
  const seconds = fc.float({ min: 0, max: 100_000, noNaN: true });
  fc.assert(
    fc.property(seconds, seconds, seconds, (offset, length, total) => {
      const bar = barOf({ offset, seconds: length }, total);
      expect(bar.length).toBeGreaterThanOrEqual(6);
      expect(bar.x).toBeGreaterThanOrEqual(0);
      expect(bar.x + bar.length).toBeLessThanOrEqual(1000);
    }),
  );
});

test('the record survives being written and read', () => {
  expect(drillDocument.read(drillDocument.write(good), 'here')).toEqual(good);
});

function decoded(text: string): string {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&');
}
