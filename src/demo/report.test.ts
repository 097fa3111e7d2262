import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Drill, drillDocument } from './drill-document.ts';
import { exampleDrill } from '../../test/support/example-drill.ts';
import { markup } from './markup.ts';
import { reportOf } from './report.ts';
import { barOf } from './run-timeline.ts';
import { objectionsTo } from './verdict.ts';

const good = exampleDrill();
const otherHash = { ...good.fingerprint.after, hash: 'a'.repeat(64) };

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
    { fingerprint: { before: good.fingerprint.before, after: otherHash } },
    'the content does not',
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
    { counts: good.counts.map((row) => (row.label === 'account' ? { ...row, after: row.before - 1000 } : row)) },
    'vertices labelled &quot;account&quot;: 4401 before, 3401 after',
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
    ...good.counts.flatMap((row) => [row.before, row.disaster ?? 0, row.after]),
    good.disaster.dropped.vertices,
    good.disaster.dropped.edges,
    good.lost.transactions,
    good.fingerprint.after.vertices,
    good.fingerprint.after.edges,
    good.fingerprint.after.properties,
    ...good.runs.map((run) => run.journal.events),
  ];
  for (const value of numbers) expect(words).toContain(value.toLocaleString('en'));
  for (const run of good.runs) {
    expect(words).toContain(run.id);
    expect(words).toContain(run.journal.head);
    for (const step of run.steps)
      expect(words).toContain(`${step.id} ${step.seconds.toFixed(step.seconds < 10 ? 1 : 0)} s`);
  }
  expect(words).toContain(good.fingerprint.before.hash);
  expect(words).toContain('30.0 MiB');
  for (const objective of good.objectives) expect(words).toContain(objective.note);
});

test('a report is honest about what a backup alone cannot bring back', () => {
  const words = wordsOf(reportOf(good));
  expect(words).toContain('843 transactions acknowledged in the 41 s after the point. ✘ lost for good');
  expect(words).toContain('▲ not guaranteed');
  expect(words).toContain('any-second recovery');
});

test('when nothing answered after the disaster the page says so instead of a number', () => {
  const counts = good.counts.map(({ disaster: _disaster, ...row }) => row);
  expect(wordsOf(reportOf(exampleDrill({ counts })))).toContain('no answer');
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
      counts: [{ of: 'vertices', label: hostile, before: 1, after: 1 }],
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
