import { formatBytes } from '../../../model/bytes.ts';
import { formatSeconds, milliseconds } from '../../../model/duration.ts';
import type { LogGrowth } from '../../../runbooks/catalog/log-growth.ts';
import type { DoctorFinding } from './findings.ts';

const daysInMonth = 30;
const secondsInDay = 86_400;
const month = daysInMonth * secondsInDay;
/** The piece and the watermark after it. Of merged objects comes one to some thirty pieces. */
const putsOfPiece = 2 + 1 / 32;

/**
 * What a month of shipped log costs in a store that counts requests and bytes, of all nodes together: as it was lately, or at most, when
 * nothing was measured. `interval`: a duration. Pure.
 */
export function logCost(growth: readonly LogGrowth[], interval: string): Omit<DoctorFinding, 'name'> {
  const most = (month / (milliseconds(interval) / 1000)) * putsOfPiece;
  const measured = growth.filter(({ seconds }) => seconds > 0);
  const [first] = measured;
  const always = `a node that is written to all the time makes ${countText(most)} requests a month at backup.log.interval ${interval}`;
  if (first === undefined) {
    return { level: 'good', says: `${always}; what it costs here is known about an hour after the agents have begun` };
  }
  const sum = (of: (growth: LogGrowth) => number) =>
    measured.reduce((all, each) => all + (of(each) / each.seconds) * month, 0);
  const requests = countText(sum(({ pieces }) => pieces * putsOfPiece));
  const [plain, stored] = [sum(({ plainBytes }) => plainBytes), sum(({ storedBytes }) => storedBytes)].map(formatBytes);
  const over = formatSeconds(Math.max(...measured.map(({ seconds }) => seconds)));
  const nodes = measured.length === 1 ? '1 node' : `${measured.length} nodes`;
  return {
    level: 'good',
    says: `a month of log takes ${requests} requests and ${stored} in the store, as ${nodes} wrote in the last ${over}`,
    details: [`It is ${plain} of plain log. ${always.charAt(0).toUpperCase()}${always.slice(1)}, at most.`],
  };
}

/** Old versions and delete markers that a node leaves a day which is written to all the time: watermarks that are replaced, pieces that are merged. */
export function replacedADay(interval: string): string {
  return countText((secondsInDay / (milliseconds(interval) / 1000)) * 2);
}

/** `690,000`, `5.3 million`. */
function countText(count: number): string {
  if (count >= 1e6) return `${(count / 1e6).toFixed(1)} million`;
  const step = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(1, count))) - 1);
  return (Math.round(count / step) * step).toLocaleString('en-US');
}
