import type { Drill, DrillTimeline } from './drill-document.ts';
import { type Markup, markup, emptyMarkup } from './markup.ts';
import { formatAmount, formatMoment } from './report-format.ts';

/** The histories of the environment as a tree: each with where it left its parent, and what it left out. */
export function timelineTree({ timelines, window }: Drill): Markup {
  const known = new Set(timelines.map(({ id }) => id));
  const roots = timelines.filter(({ parent }) => parent === undefined || !known.has(parent));
  const gaps = window.gaps === 0 ? 'without a gap' : `with ${formatAmount(window.gaps, 'gap')}`;
  return markup`<p>While the database was dead, the bucket alone could restore every instant from <b>${instant(window.oldest)}</b> to <b>${instant(window.newest)}</b> UTC ${gaps}; settled up to ${instant(window.settled)}.</p>
<ul class="tree">${roots.map((root) => branch(root, timelines))}</ul>`;
}

function branch(timeline: DrillTimeline, all: readonly DrillTimeline[]): Markup {
  const { id, forkedAt, exclusions, why } = timeline;
  const children = all.filter(({ parent }) => parent === id);
  const left = exclusions === 0 ? '' : `, without ${formatAmount(exclusions, 'transaction')}`;
  return markup`<li><code>${id}</code> ${shortened(why)} <span class="quiet">${forkedAt === undefined ? '' : `forked at ${formatMoment(forkedAt)}${left}`}</span>${
    children.length === 0 ? emptyMarkup : markup`<ul>${children.map((child) => branch(child, all))}</ul>`
  }</li>
`;
}

const longest = 56;

/** The reason of an undo may list each transaction; their number stands beside it. */
function shortened(why: string): string {
  return why.length <= longest ? why : `${why.slice(0, longest - 1).trimEnd()}…`;
}

function instant(text: string | null): string {
  return text === null ? 'none' : formatMoment(text);
}
