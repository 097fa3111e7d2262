import { formatBytes } from '../model/bytes.ts';
import { formatSeconds } from '../model/duration.ts';
import type { Drill, DrillObjective, LabelCount } from './drill-document.ts';
import { type Markup, markup, nothing } from './markup.ts';
import { reportStyle } from './report-style.ts';
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
${times(drill)}
${timelines(drill)}
${record(drill)}
${byHand(drill)}
<footer>${drill.id} · Cardea ${drill.cardea} · Cassandra ${drill.cassandra} on ${amount(drill.nodes, 'node')} · bucket: ${drill.store} · the same as data: <code>drills/${drill.id}.json</code> in the bucket</footer>
</body>
</html>
`.text;
}

function passed(drill: Drill): boolean {
  return drill.ok && objectionsTo(drill).length === 0;
}

function verdict(drill: Drill): Markup {
  const about = markup`<p class="quiet">Disaster drill of <b>${drill.environment}</b> on ${minute(drill.startedAt)}, run by ${drill.actor.name} on ${drill.actor.host}</p>`;
  if (passed(drill)) {
    const { vertices, edges } = drill.fingerprint.after;
    return markup`<header class="verdict good"><span class="word">✔ Passed</span>
<h1>Everything the restore point held is back: ${whole(vertices)} vertices, ${whole(edges)} edges, value for value</h1>
${about}</header>`;
  }
  const objections = objectionsTo(drill);
  const shown = objections.length === 0 ? ['The drill recorded itself as failed.'] : objections.slice(0, 20);
  return markup`<header class="verdict bad"><span class="word">✘ FAILED</span>
<h1>The data did not come back as it was</h1>
${about}
<ul>${shown.map((line) => markup`<li>${line}</li>`)}</ul></header>`;
}

function loss(drill: Drill): Markup {
  const { disaster, lost, point } = drill;
  const back = passed(drill) ? state('good', 'came back') : state('bad', 'not proved to be back');
  return markup`<h2>What was lost, and why</h2>
<div class="tiles">
<div class="tile"><b class="big">1 of ${drill.nodes} disks</b>${disaster.node}: process killed, ${formatBytes(disaster.wipedBytes)} of data wiped. ${back}</div>
<div class="tile"><b class="big">${amount(disaster.dropped.vertices, disaster.dropped.label)}</b>dropped by a bad job, and ${amount(disaster.dropped.edges, 'edge')} with them. ${back}</div>
<div class="tile"><b class="big">${amount(lost.transactions, 'transaction')}</b>acknowledged in the ${formatSeconds(lost.seconds)} after the point. ${lost.transactions === 0 ? nothing : state('bad', 'lost for good')}</div>
</div>
${
  lost.transactions === 0
    ? nothing
    : markup`<p>${point.id} holds what was there when it was taken${
        lost.first === undefined || lost.last === undefined
          ? ''
          : `; the lost transactions were written from ${second(lost.first)} to ${second(lost.last)} UTC`
      }. A daily backup alone holds nothing newer than itself, at worst 24 hours; bringing those back is what any-second recovery (the next version) is for.</p>`
}`;
}

function whatCameBack(drill: Drill): Markup {
  return markup`<h2>What came back</h2>
<div class="pair">${(['vertices', 'edges'] as const).map((of) => {
    const rows = drill.counts.filter((row) => row.of === of);
    return markup`<table class="compact"><thead><tr><th>${of}</th><th class="n">Before</th><th class="n">Disaster</th><th class="n">Restored</th><th></th></tr></thead>
<tbody>${rows.map((row) => countRow(row, ''))}${countRow(total(of, rows), ' total')}</tbody></table>`;
  })}</div>`;
}

function total(of: LabelCount['of'], rows: readonly LabelCount[]): LabelCount {
  const sum = (pick: (row: LabelCount) => number) => rows.reduce((all, row) => all + pick(row), 0);
  const disaster = rows.some((row) => row.disaster === undefined) ? undefined : sum((row) => row.disaster ?? 0);
  return { of, label: 'all', before: sum((row) => row.before), disaster, after: sum((row) => row.after) };
}

function countRow(row: LabelCount, kind: ' total' | ''): Markup {
  const equal = row.before === row.after;
  const difference = row.after - row.before;
  const missing = row.disaster !== undefined && row.disaster < row.before;
  return markup`<tr class="count${kind}"><td>${row.label}</td><td class="n">${whole(row.before)}</td><td class="n${missing ? ' changed' : ''}">${
    row.disaster === undefined ? 'no answer' : whole(row.disaster)
  }</td><td class="n">${whole(row.after)}</td><td class="n">${
    equal ? state('good', 'equal') : state('bad', `${difference > 0 ? '+' : ''}${whole(difference)}`)
  }</td></tr>
`;
}

function proof(drill: Drill): Markup {
  const { before, after } = drill.fingerprint;
  const same = before.hash === after.hash;
  return markup`<h2>The proof</h2>
<ul class="checks">${drill.checks.map(
    (check) =>
      markup`<li>${check.ok ? state('good', 'holds') : state('bad', 'BROKEN')}<span>${check.title} <span class="quiet">${check.observed}</span></span></li>
`,
  )}</ul>
<dl class="hashes"><dt>With the point</dt><dd class="hash">${before.hash}</dd><dt>After restore</dt><dd class="hash">${after.hash}</dd><dt></dt><dd>${
    same ? state('good', 'the same') : state('bad', 'DIFFERENT')
  } <span class="quiet">SHA-256 over ${whole(after.vertices)} vertices, ${whole(after.edges)} edges and ${whole(after.properties)} properties, whatever their order</span></dd></dl>`;
}

function times(drill: Drill): Markup {
  return markup`<h2>Times against objectives</h2>
<table class="wide"><thead><tr><th>Objective</th><th class="n">Promised</th><th class="n">Measured</th><th></th><th></th></tr></thead>
<tbody>${drill.objectives.map(
    (
      objective,
    ) => markup`<tr><td><b>${objective.name}</b></td><td class="n" data-of="promised">${span(objective.target)}</td><td class="n" data-of="measured">${formatSeconds(objective.measured)}</td><td>${objectiveState(objective)}</td><td class="quiet">${objective.note}</td></tr>
`,
  )}</tbody></table>`;
}

function objectiveState({ state: reached }: DrillObjective): Markup {
  switch (reached) {
    case 'met':
      return state('good', 'met');
    case 'missed':
      return state('bad', 'MISSED');
    case 'not-guaranteed':
      return state('warn', 'not guaranteed');
  }
}

function timelines(drill: Drill): Markup {
  return markup`<h2>Where the time went</h2>
<div class="runs">${drill.runs.map(runTimeline)}</div>
<p class="quiet">The whole story: ${formatSeconds(drill.seconds)} (${drill.phases
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
  const restore = drill.runs.find((run) => run.id.startsWith('restore-'))?.id ?? 'RUN';
  const commands: ReadonlyArray<readonly [string, string]> = [
    ['Back up', `cardea backup ${environment} --quiesced`],
    ['Prove the point', `cardea rehearse ${environment} ${point.id}`],
    ['See the plan', `cardea restore ${environment} --to ${point.id} --plan`],
    ['Restore in place', `cardea restore ${environment} --to ${point.id} --confirm ${environment}`],
    ['Check the graph', `cardea check ${environment}`],
    ['Accept or go back', `cardea restore accept|revert ${restore} --confirm ${environment}`],
    ['Verify the record', `cardea audit ${environment}`],
  ];
  return markup`<h2>The same by hand</h2>
<dl class="hand">${commands.map(([what, command]) => markup`<dt>${what}</dt><dd><code>${command}</code></dd>`)}</dl>`;
}

function state(kind: 'good' | 'bad' | 'warn', word: string): Markup {
  const sign = { good: '✔', bad: '✘', warn: '▲' }[kind];
  return markup`<span class="state ${kind}">${sign} ${word}</span>`;
}

function whole(value: number): string {
  return value.toLocaleString('en');
}

function amount(count: number, noun: string): string {
  return `${whole(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** An objective as people state it: `4 h`, `5 min`. */
function span(seconds: number): string {
  if (seconds >= 3600 && seconds % 3600 === 0) return `${seconds / 3600} h`;
  if (seconds >= 60 && seconds % 60 === 0) return `${seconds / 60} min`;
  return formatSeconds(seconds);
}

function minute(iso: string): string {
  return `${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC`;
}

function second(iso: string): string {
  return iso.slice(11, 19);
}
