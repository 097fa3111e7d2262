import { formatSeconds } from '../model/duration.ts';
import type { DrillRun } from './drill-document.ts';
import { type Markup, markup } from './markup.ts';

type StepBar = DrillRun['steps'][number];

/** Width of a bar's own coordinate system; the page stretches it to the room there is. */
const width = 1000;
/** Of a run: steps that took less are counted, not drawn. Nor is what would be told as 0.0 s. */
const smallestShare = 0.01;
const atOnce = 0.05;

/** A run as bars over time, one line per step: its name, where and how long it ran, its seconds. Every run has its own scale. */
export function runTimeline(run: DrillRun): Markup {
  const done = run.steps.filter((step) => step.status !== 'skipped');
  const shown = done.filter(
    (step) => step.status !== 'succeeded' || step.seconds >= Math.max(atOnce, run.seconds * smallestShare),
  );
  const skipped = run.steps.length - done.length;
  const words = [
    `${done.length} steps`,
    ...(skipped === 0 ? [] : [`${skipped} not needed`]),
    ...(shown.length === done.length ? [] : [`${done.length - shown.length} too short to show`]),
  ];
  return markup`<figure class="run">
<figcaption><b>${run.title}</b> <span class="quiet">${formatSeconds(run.seconds)} · ${words.join(', ')}</span></figcaption>
<ol class="steps">${shown.map((step) => line(step, run.seconds))}</ol></figure>
`;
}

function line(step: StepBar, total: number): Markup {
  const { x, length } = barOf(step, total);
  const failed = step.status === 'succeeded' ? '' : ' failed';
  return markup`<li class="step${failed}" title="${step.title}"><span class="name">${step.id}</span><svg viewBox="0 0 ${width} 10" preserveAspectRatio="none" role="img" aria-label="${step.title}: ${formatSeconds(step.seconds)}"><rect x="${x}" y="0" width="${length}" height="10"/></svg><span class="time">${
    failed === '' ? '' : `${step.status} `
  }${formatSeconds(step.seconds)}</span></li>
`;
}

/** A step that took no time worth drawing still gets a mark one can see, inside the picture. */
export function barOf(
  step: Pick<StepBar, 'offset' | 'seconds'>,
  total: number,
): { readonly x: number; readonly length: number } {
  const scale = total > 0 ? width / total : 0;
  const length = Math.min(width, Math.max(6, Math.round(step.seconds * scale)));
  const x = Math.min(width - length, Math.max(0, Math.round(step.offset * scale)));
  return { x, length };
}
