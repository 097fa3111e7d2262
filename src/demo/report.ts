import { formatBytes } from '../model/bytes.ts';
import { formatSeconds } from '../model/duration.ts';
import type { Drill, DrillObjective, Recovery } from './drill-document.ts';
import { type Markup, markup, emptyMarkup } from './markup.ts';
import { reportStyle } from './report-style.ts';
import { timelineTree } from './report-timelines.ts';
import {
  formatAmount,
  formatLag,
  formatMinute,
  formatMoment,
  formatSpan,
  formatState,
  formatCount,
} from './report-format.ts';
import { runTimeline } from './run-timeline.ts';
import { objectionsTo } from './verdict.ts';

/** A drill's one page: a complete HTML document that needs nothing from elsewhere. The verdict is judged anew from the measurements. Pure. */
export function reportOf(drill: Drill): string {
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${passed(drill) ? 'Passed' : 'FAILED'}: ${drill.id}</title>
<style>${reportStyle}</style>
</head>
<body>
${verdict(drill)}
${loss(drill)}
${whatCameBack(drill)}
${proof(drill)}
<div class="pair"><section>${times(drill)}</section>
<section><h2>Timelines</h2>
${timelineTree(drill)}</section></div>
${runs(drill)}
${record(drill)}
${byHand(drill)}
<footer>${drill.id} · Cardea ${drill.cardea} · Cassandra ${drill.cassandra} on ${formatAmount(drill.nodes, 'node')} · bucket: ${drill.store} · the same as data: <code>drills/${drill.id}.json</code> in the bucket</footer>
</body>
</html>
`.text;
}

function passed(drill: Drill): boolean {
  return drill.ok && objectionsTo(drill).length === 0;
}

function verdict(drill: Drill): Markup {
  const about = markup`<p class="quiet">Disaster drill of <b>${drill.environment}</b> on ${formatMinute(drill.startedAt)}, run by ${drill.actor.name} on ${drill.actor.host}</p>`;
  const instant = recoveryOf(drill, 'instant');
  if (passed(drill) && instant !== undefined) {
    const { vertices, edges } = instant.restored;
    return markup`<header class="verdict good"><span class="word">✔ Passed</span>
<h1>The graph of ${formatMoment(instant.to)} was restored (${formatCount(vertices)} vertices, ${formatCount(edges)} edges, every value equal), and then everything except the bad job</h1>
${about}</header>`;
  }
  const objections = objectionsTo(drill);
  const shown = objections.length === 0 ? ['The drill recorded itself as failed.'] : objections.slice(0, 20);
  return markup`<header class="verdict bad"><span class="word">✘ FAILED</span>
<h1>The restored data is not the same as the original data</h1>
${about}
<ul>${shown.map((line) => markup`<li>${line}</li>`)}</ul></header>`;
}

function loss(drill: Drill): Markup {
  const { disaster, badJob, lost, application, shipping } = drill;
  const back = passed(drill) ? formatState('good', 'restored') : formatState('bad', 'not proved to be restored');
  const [oldest] = lost.ages;
  return markup`<h2>What was lost, and why</h2>
<div class="tiles">
<div class="tile"><b class="big">${disaster.nodes.length} of ${drill.nodes} disks</b>${formatCount(disaster.processes)} processes killed at ${disaster.at.slice(11, 23)}, databases and agents together; ${formatBytes(disaster.wipedBytes)} wiped. ${back}</div>
<div class="tile"><b class="big">${formatAmount(badJob.dropped.vertices, badJob.dropped.label)}</b>deleted by a bad job of ${formatAmount(badJob.transactions, 'transaction')}, with ${formatAmount(badJob.dropped.edges, 'edge')}; ${formatAmount(badJob.goodAfter, 'good transaction')} after it. ${back}</div>
<div class="tile"><b class="big">${formatAmount(lost.acknowledged, 'transaction')}</b>of ${formatCount(application.acknowledged)} acknowledged, within the shipping lag before the kill. ${
    lost.acknowledged === 0 ? formatState('good', 'nothing lost') : formatState('bad', 'lost for good')
  }</div>
</div>
<p>The application wrote for ${formatSeconds(application.seconds)} and was never paused (its longest wait: ${formatLag(application.longestSilence)}). A transaction was in the bucket ${formatLag(shipping.p50)} after its acknowledgement at the median, ${formatLag(shipping.p99)} at the 99th percentile, ${formatLag(shipping.worst)} at worst.${
    oldest === undefined
      ? ''
      : ` The lost transactions had been acknowledged ${lost.ages.length === 1 ? formatLag(oldest) : `${formatLag(lost.ages.at(-1) ?? 0)} to ${formatLag(oldest)}`} before the kill.`
  }</p>`;
}

function recoveryOf(drill: Drill, id: Recovery['id']): Recovery | undefined {
  return drill.recoveries.find((each) => each.id === id);
}

function whatCameBack(drill: Drill): Markup {
  const { recoveries } = drill;
  return markup`<h2>What was restored</h2>
<div class="pair">${(
    [
      ['vertices', 'vertexLabels'],
      ['edges', 'edgeLabels'],
    ] as const
  ).map(([of, labels]) => {
    const names = [
      ...new Set(
        recoveries.flatMap((each) => [...Object.keys(each.expected[labels]), ...Object.keys(each.restored[labels])]),
      ),
    ].sort();
    const row = (name: string, kind: string, pick: (sum: Recovery['expected']) => number) =>
      countRow(
        name,
        kind,
        recoveries.map(({ expected, restored }) => [pick(expected), pick(restored)]),
      );
    return markup`<table class="compact"><thead><tr><th>${of}</th>${recoveries.map((each) => markup`<th class="n">${headings[each.id]}</th>`)}<th class="n"></th></tr></thead>
<tbody>${names.map((name) => row(name, '', (sum) => sum[labels][name] ?? 0))}${row('all', ' total', (sum) => sum[of])}</tbody></table>`;
  })}</div>`;
}

const headings: Readonly<Record<Recovery['id'], string>> = { instant: 'Before the job', undo: 'All except the job' };

function countRow(
  name: string,
  kind: string,
  pairs: ReadonlyArray<readonly [expected: number, restored: number]>,
): Markup {
  const differences = pairs.map(([expected, restored]) => restored - expected);
  const verdict = differences.every((each) => each === 0)
    ? formatState('good', 'equal')
    : formatState('bad', differences.map((each) => `${each > 0 ? '+' : ''}${formatCount(each)}`).join(' / '));
  return markup`<tr class="count${kind}"><td>${name}</td>${pairs.map(([, restored]) => markup`<td class="n">${formatCount(restored)}</td>`)}<td class="n">${verdict}</td></tr>
`;
}

function proof(drill: Drill): Markup {
  return markup`<h2>The proof</h2>
<ul class="checks">${drill.checks.map(
    (check) =>
      markup`<li>${check.ok ? formatState('good', 'holds') : formatState('bad', 'BROKEN')}<span>${check.title} <span class="quiet">${check.observed}</span></span></li>
`,
  )}</ul>
<dl class="hashes">${drill.recoveries.map(hashes)}<dt></dt><dd class="quiet">SHA-256 over every element with all its values: computed from the application's log, and from the restored graph</dd></dl>`;
}

function hashes({ id, to, expected, restored }: Recovery): Markup {
  const same = expected.sha256 === restored.sha256;
  const verdict = same ? formatState('good', 'the same') : formatState('bad', 'DIFFERENT');
  const second = same ? emptyMarkup : markup`<br>${restored.sha256}`;
  return markup`<dt>${headings[id]}</dt><dd><span class="hash">${expected.sha256}${second}</span> ${verdict} <span class="quiet">at ${formatMoment(to)}</span></dd>`;
}

function times(drill: Drill): Markup {
  return markup`<h2>Objectives</h2>
<table class="wide"><thead><tr><th>Objective</th><th class="n">Promised</th><th class="n">Measured</th><th></th><th></th></tr></thead>
<tbody>${drill.objectives.map(
    (
      objective,
    ) => markup`<tr><td><b>${objective.name}</b></td><td class="n" data-of="promised">${formatSpan(objective.target)}</td><td class="n" data-of="measured">${measured(objective)}</td><td>${
      objective.state === 'met' ? formatState('good', 'met') : formatState('bad', 'MISSED')
    }</td><td class="quiet">${objective.note}</td></tr>
`,
  )}</tbody></table>`;
}

function measured({ name, measured: seconds }: DrillObjective): string {
  return name.startsWith('RPO') ? formatLag(seconds) : formatSeconds(seconds);
}

function runs(drill: Drill): Markup {
  return markup`<h2>Where the time went</h2>
<div class="runs">${drill.runs.map(runTimeline)}</div>
<p class="quiet">The whole drill: ${formatSeconds(drill.seconds)} (${drill.phases
    .map((phase) => `${phase.name} ${formatSeconds(phase.seconds)}`)
    .join(', ')}).</p>`;
}

function record(drill: Drill): Markup {
  return markup`<h2>Who ran it, and the record</h2>
<table class="wide"><thead><tr><th>Run</th><th>By</th><th class="n">Events</th><th>Head of its journal (SHA-256)</th></tr></thead>
<tbody>${drill.runs.map(
    (
      run,
    ) => markup`<tr><td><code>${run.id}</code></td><td data-of="by">${run.actor.name} on ${run.actor.host}</td><td class="n" data-of="events">${run.journal.events}</td><td class="hash">${run.journal.head}</td></tr>
`,
  )}</tbody></table>`;
}

/** What a person types to do the same without the drill. */
function byHand(drill: Drill): Markup {
  const { environment, point } = drill;
  const instant = recoveryOf(drill, 'instant');
  const to = instant?.to ?? 'TIME';
  const commands: ReadonlyArray<readonly [string, string]> = [
    ['Back up', `cardea backup ${environment}`],
    ['Prove the point', `cardea rehearse ${environment} ${point.id}`],
    ['What can be restored', `cardea window ${environment}`],
    ['Find the bad job', `cardea transactions ${environment} --around ${drill.badJob.first}`],
    ['Restore to the instant', `cardea restore ${environment} --to ${to} --confirm ${environment}`],
    [
      'Restore everything except it',
      `cardea undo ${environment} --way restore --group ${drill.badJob.first} --group … --confirm ${environment}`,
    ],
    ['Accept or revert', `cardea restore accept|revert ${instant?.run ?? 'RUN'} --confirm ${environment}`],
    ['Verify the record', `cardea audit ${environment}`],
  ];
  return markup`<h2>The same by hand</h2>
<dl class="hand">${commands.map(([what, command]) => markup`<dt>${what}</dt><dd><code>${command}</code></dd>`)}</dl>`;
}
