import { formatBytes } from '../src/model/bytes.ts';
import { formatSeconds } from '../src/model/duration.ts';
import { restorePointDocument } from '../src/model/restore-point.ts';
import { largestPart } from '../src/runbooks/recovery/node-logs.ts';
import { type Duration, type RestoreTime, restoreTime } from '../src/runbooks/recovery/restore-time.ts';

const nodes = 5;
const replicas = 3;
const replications = [{ class: 'NetworkTopologyStrategy', dc1: String(replicas) }];
const bytesOfNode = 100e9;
const loggedASecond = 1e6;
/** Of 167 GB without their replicas: 200 bytes each. */
const elements = 830e6;
const hour = 3600;

/**
 * `node bench/forecast.ts` prints the table of docs/performance.md: the time of a restore of five nodes with 100 GB
 * each, by the function that `restore --plan` and `status` ask and the rates that it assumes. The third column has the
 * work as it would be if it was spread: nothing does that yet.
 */
export function forecastTable(): string {
  const columns = [
    { title: 'base 24 h old', time: timeOf(24) },
    { title: 'base 4 h old', time: timeOf(4) },
    { title: '4 h old, work spread', time: timeOf(4, { spread: true }) },
  ];
  const [first] = columns;
  const stages = (first?.time.stages ?? []).map(({ stage, outage }) => [
    outage ? `\`${stage}\` (graph away)` : `\`${stage}\``,
    ...columns.map(({ time }) => stageText(time, stage)),
  ]);
  const sums = (name: string, of: (time: RestoreTime) => Duration) => [
    `**${name}**`,
    ...columns.map(({ time }) => `**${formatSeconds(of(time).seconds)}**`),
  ];
  const rows = [
    ['stage', ...columns.map(({ title }) => title)],
    ...stages,
    sums('the graph serves after', ({ serves }) => serves),
    sums('of this, it is away for', ({ outage }) => outage),
    sums('the graph is checked after (RTO)', ({ total }) => total),
  ];
  const lines = rows.map((row) => `| ${row.join(' | ')} |`);
  lines.splice(1, 0, `|${'---|'.repeat(columns.length + 1)}`);
  return lines.join('\n');
}

/** `hours`: age of the base. */
function timeOf(hours: number, { spread = false }: { readonly spread?: boolean } = {}): RestoreTime {
  const logged = hours * hour * loggedASecond;
  const streams = ring.nodes.map(({ hostId }) => ({ hostId, bytes: logged }));
  return restoreTime(
    {
      files: bytesOfNode,
      // Spread: each node verifies and cuts its own log for all, and what several replicas have logged is replayed
      // once.
      log: spread
        ? { read: logged, placed: logged }
        : { read: nodes * logged, placed: largestPart(ring, replications, streams) },
      // Spread: each node makes the documents of its own ranges and checks them.
      elements: spread ? elements / nodes : elements,
      createTables: false,
      stage: true,
    },
    {},
  );
}

function stageText({ stages }: RestoreTime, stage: string): string {
  const each = stages.find((one) => one.stage === stage);
  if (each === undefined || each.seconds === null) return '';
  const of =
    each.of === null
      ? ''
      : ` (${each.of.unit === 'bytes' ? formatBytes(each.of.amount) : `${each.of.amount / 1e6} M elements`})`;
  return `${formatSeconds(each.seconds)}${of}${each.meanwhile ? ', beside a longer one' : ''}`;
}

/** Equal ranges in one rack. */
const ring = restorePointDocument.body.parse({
  id: 'backup-20260219-020000',
  environment: 'prod',
  timeline: 't0001',
  run: 'backup-20260219-020000-abcd',
  takenAt: '2026-02-19T02:00:00Z',
  mode: 'differential',
  cut: 'fuzzy',
  proof: 'checked',
  nodes: Array.from({ length: nodes }, (_, at) => ({
    node: `n${at}`,
    hostId: `h${at}`,
    datacenter: 'dc1',
    rack: 'r1',
    tokens: [String((BigInt(at) * 2n ** 64n) / BigInt(nodes) - 2n ** 63n)],
    bytes: bytesOfNode,
    files: 1,
    newBytes: 0,
    inventory: 'inventories/x',
  })),
  bytes: nodes * bytesOfNode,
  newBytes: 0,
  cassandraVersion: '4.0',
  schemaVersion: 'v',
  keyspace: 'janusgraph',
  replicationFactor: replicas,
  seconds: { taken: 1 },
});

if (import.meta.main) process.stdout.write(`${forecastTable()}\n`);
