/** What an earlier run took for a stage. `amount` in the stage's own unit, zero where it has none. */
export interface MeasuredStage {
  readonly amount: number;
  readonly seconds: number;
}

/** What a stage takes where nothing was measured: `fixed` seconds, and each second `rate` of its amount beside. */
export interface AssumedStage {
  readonly fixed: number;
  /** Absent for a stage whose time does not grow with its amount. */
  readonly rate?: number;
}

export interface ForetoldStage {
  readonly seconds: number;
  readonly from: 'measured' | 'assumed';
}

/** Of so much work, in seconds at the assumed rate, starting it is a small part, whatever that takes. */
const muchWork = 60;
/** Starting no stage takes so many seconds: what took longer worked all the time, if only it had some work. */
const longTime = 300;
const someWork = 5;
/** An amount that exceeds those that were measured by no more than this is as well known as they are. */
const nearby = 1.25;

/**
 * How long a stage takes for an amount, by what earlier runs took. Runs of different sizes give the fixed seconds and
 * the rate. If only small ones were measured, what they took is the fixed part, and what goes beyond their amounts is
 * reckoned with the assumed rate: a start of ninety seconds that replays a megabyte is no rate. Pure.
 */
export function stageLaw(measured: readonly MeasuredStage[], assumed: AssumedStage): (amount: number) => ForetoldStage {
  const { fixed, rate } = assumed;
  if (measured.length === 0) {
    return (amount) => ({ seconds: fixed + (rate === undefined ? 0 : amount / rate), from: 'assumed' });
  }
  const usual = median(measured.map(({ seconds }) => seconds));
  if (rate === undefined) return () => ({ seconds: usual, from: 'measured' });
  const telling = measured.filter((each) => tells(each, rate));
  if (telling.length === 0) {
    const known = Math.max(...measured.map(({ amount }) => amount));
    return (amount) => ({
      seconds: usual + Math.max(0, amount - known) / rate,
      from: amount <= known * nearby ? 'measured' : 'assumed',
    });
  }
  const line = lineThrough(measured) ?? proportion(telling, fixed);
  return (amount) => ({ seconds: line.fixed + amount * line.slope, from: 'measured' });
}

/** Whether a run tells a rate, and not only what starting the work takes. */
function tells({ amount, seconds }: MeasuredStage, rate: number): boolean {
  const work = amount / rate;
  return work >= muchWork || (work >= someWork && seconds >= longTime);
}

interface Line {
  readonly fixed: number;
  /** Seconds for each of the amount. */
  readonly slope: number;
}

/**
 * Least squares, with no negative fixed part. Undefined where the amounts are about the same, or more of them took less
 * time.
 */
function lineThrough(measured: readonly MeasuredStage[]): Line | undefined {
  const amounts = measured.map(({ amount }) => amount);
  if (Math.max(...amounts) < 2 * Math.min(...amounts) || measured.length < 2) return undefined;
  const [meanAmount, meanSeconds] = [mean(amounts), mean(measured.map(({ seconds }) => seconds))];
  const spread = sum(amounts.map((amount) => (amount - meanAmount) ** 2));
  const common = sum(measured.map(({ amount, seconds }) => (amount - meanAmount) * (seconds - meanSeconds)));
  if (spread === 0 || common <= 0) return undefined;
  const slope = common / spread;
  const fixed = meanSeconds - slope * meanAmount;
  if (fixed >= 0) return { fixed, slope };
  const through = sum(measured.map(({ amount, seconds }) => amount * seconds));
  return { fixed: 0, slope: through / sum(amounts.map((amount) => amount ** 2)) };
}

/** Of runs of one size: the assumed fixed part, but no more than half of what any of them took. */
function proportion(measured: readonly MeasuredStage[], assumed: number): Line {
  const fixed = Math.min(assumed, ...measured.map(({ seconds }) => seconds / 2));
  const work = sum(measured.map(({ seconds }) => seconds - fixed));
  return { fixed, slope: work / sum(measured.map(({ amount }) => amount)) };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [low = 0, high = low] = sorted.length % 2 === 0 ? sorted.slice(middle - 1, middle + 1) : [sorted[middle]];
  return (low + high) / 2;
}

function mean(values: readonly number[]): number {
  return sum(values) / values.length;
}

function sum(values: readonly number[]): number {
  return values.reduce((all, each) => all + each, 0);
}
