import { formatSeconds, milliseconds } from '../model/duration.ts';

/**
 * A limit that follows what there is to do: some time for each GiB, and four times what as many bytes took an earlier
 * step of the run. It is data, so that a plan can show it.
 */
export interface LimitByBytes<Results = Record<string, unknown>> {
  /** However little there is to do. */
  readonly atLeast: string;
  readonly perGiB: string;
  /** Where the counts of bytes stand, added up: fields of results of needed steps, or of the params. Skipped steps count nothing. */
  readonly of: ReadonlyArray<`${keyof Results & string}.${string}` | `params.${string}`>;
  /** Needed steps that handled bytes like these and say how many and how long: `bytes` and `seconds`. */
  readonly rates?: ReadonlyArray<keyof Results & string>;
}

export type TimeLimit<Results = Record<string, unknown>> = string | LimitByBytes<Results>;

const gib = 2 ** 30;
/** A step shares its disks and its network with more than the one that was measured. */
const slack = 4;

/** Milliseconds. Pure. Throws a TypeError when a duration in it is none. */
export function timeLimitMs(
  limit: TimeLimit,
  { params, results }: { readonly params: unknown; readonly results: Readonly<Record<string, unknown>> },
): number {
  if (typeof limit === 'string') return milliseconds(limit);
  const facts = { ...results, params };
  const bytes = limit.of.reduce((sum, path) => sum + numberAt(facts, path), 0);
  const measured = (limit.rates ?? []).map((step) => {
    const [moved, seconds] = [numberAt(results, `${step}.bytes`), numberAt(results, `${step}.seconds`)];
    return moved === 0 ? 0 : (slack * bytes * seconds * 1000) / moved;
  });
  return Math.ceil(Math.max(milliseconds(limit.atLeast), (bytes / gib) * milliseconds(limit.perGiB), ...measured));
}

/** `12h, or 5m for each GiB of check-files.bytes`, as a plan shows it. */
export function timeLimitText(limit: TimeLimit): string {
  if (typeof limit === 'string') return limit;
  const measured =
    limit.rates === undefined ? '' : `, or ${slack} times as long as ${limit.rates.join(' and ')} took for as much`;
  return `${limit.atLeast}, or ${limit.perGiB} for each GiB of ${limit.of.join(' and ')}${measured}`;
}

/** Every mistake in it. */
export function wrongLimits(limit: TimeLimit, needs: readonly string[]): readonly string[] {
  if (typeof limit === 'string') return durationMistakes(limit);
  const sources = [...limit.of.map((path) => path.split('.')[0] ?? ''), ...(limit.rates ?? [])];
  return [
    ...durationMistakes(limit.atLeast),
    ...durationMistakes(limit.perGiB),
    ...sources
      .filter((source) => source !== 'params' && !needs.includes(source))
      .map((source) => `it reads the result of "${source}", but the step does not need "${source}"`),
  ];
}

export function limitReached(step: string, ms: number): string {
  return `Step ${step} did not finish within its limit of ${formatSeconds(ms / 1000)}.`;
}

function durationMistakes(text: string): readonly string[] {
  try {
    milliseconds(text);
    return [];
  } catch (error) {
    return [(error as Error).message];
  }
}

/** 0 for what is not there. */
function numberAt(facts: Readonly<Record<string, unknown>>, path: string): number {
  const value = path
    .split('.')
    .reduce<unknown>(
      (found, name) =>
        typeof found === 'object' && found !== null ? (found as Record<string, unknown>)[name] : undefined,
      facts,
    );
  return typeof value === 'number' && Number.isFinite(value) ? value : 0;
}
