import { columnPrefix } from '../../graph/codec/relation.ts';
import { systemTypes, vertexExists } from '../../graph/codec/relation-type.ts';
import type { Id } from '../../graph/codec/byte-reader.ts';
import type { GraphSchema } from '../../graph/schema.ts';
import type { LeftCell, ReadCell } from '../../graph/transactions/compensation.ts';
import type { ChosenGroups } from '../../graph/transactions/chosen-groups.ts';
import { cellName } from '../../graph/transactions/slot-cells.ts';
import { formatInstant, instantOf, type Micros } from '../../model/instant.ts';
import { RefusedProblem } from '../../model/problem.ts';
import { sha256 } from '../../model/sha256.ts';
import type { UndoPlan } from '../../model/undo-plan.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Database } from '../../ports/database.ts';
import type { Platform } from '../../ports/platform.ts';
import { knownSchema } from '../catalog/schema-catalog.ts';
import { comparedUntil } from '../recovery/arrival.ts';
import { presentRing, waitUntilShipped } from '../recovery/wait-until-shipped.ts';
import { readCells, type WantedCell } from './cell-reader.ts';
import { analyseUndo } from './undo-analysis.ts';

type Standing = UndoPlan['stands'];

interface Live {
  readonly database: Database;
  readonly keyspace: string;
}

/** What a plan stands on, as it is now. `compared`: the cells whose values decided, with what they are. */
export async function standingOf(
  { database, keyspace }: Live,
  { schema, chosen }: { readonly schema: GraphSchema; readonly chosen: ChosenGroups },
  compared: { readonly cells: readonly LeftCell[]; readonly are: ReadonlyMap<string, ReadCell> },
  signal: AbortSignal,
): Promise<Standing> {
  const names = new Set(compared.cells.map(({ name }) => name));
  const existence = existenceCells(schema, chosen).filter(({ name }) => !names.has(name));
  const exist = await readCells(database, keyspace, existence, signal);
  return [...compared.cells, ...existence].flatMap(({ name, cell: { table, key, column } }) =>
    column === undefined
      ? []
      : [
          {
            table,
            key: key.toString('hex'),
            column: column.toString('hex'),
            ...wasOf(compared.are.get(name) ?? exist.get(name)),
          },
        ],
  );
}

/**
 * The cells that say that the vertices which the groups touched exist, at both ends of their edges too. Who deletes a vertex writes no cell that
 * is not there, so that what an undo would bring back of it says nothing.
 */
function existenceCells(schema: GraphSchema, { groups }: ChosenGroups) {
  const type = systemTypes.find(({ id }) => id === vertexExists);
  const column = type === undefined ? Buffer.alloc(0) : columnPrefix(type, 'out');
  const ends = groups.flatMap((group) => [...group.edges.values()].flatMap((edge) => [edge.out, edge.in]));
  const vertices = new Set<Id>();
  for (const id of [...groups.flatMap((group) => [...group.vertices.keys()]), ...ends])
    if (id !== undefined) vertices.add(id);
  return [...vertices].map((vertex) => {
    const key = schema.ids.toKey(vertex);
    return { name: cellName('edgestore', key, column), cell: { table: 'edgestore' as const, key, column } };
  });
}

function wasOf(cell: ReadCell | undefined): Pick<Standing[number], 'was'> {
  return cell === undefined ? {} : { was: { at: cell.at, sha256: sha256(cell.value) } };
}

/** Younger than this, a plan needs no newer log than it was made with: what was written meanwhile is found after the write. */
const freshMs = 60_000;

interface Asking {
  readonly platform: Platform;
  readonly clock: Clock;
  /** By the clocks of the nodes. */
  readonly now: Micros;
  readonly environment: string;
  readonly plan: UndoPlan;
  /** Microseconds: see `arrivalWithin`. */
  readonly settleMargin: number;
  /** How long to wait for the newest log. */
  readonly patienceMs: number;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
}

/**
 * Whether the plan of an undo is still right, however long ago it was made. Throws RefusedProblem `undo-changed` when somebody wrote one of its
 * cells, deleted a vertex that it stands on, or has built on what it would take away since.
 */
export async function requireStanding(asking: Asking): Promise<void> {
  const { platform, plan, environment, signal } = asking;
  const later = await laterConflicts(asking);
  // Last, because nothing can tell of what is written from here on.
  const cells = await changedCells(platform, plan, signal);
  if (later.length + cells.length > 0) throw changedSince(environment, plan, [...later, ...cells]);
}

/** What the log holds since the plan was made. */
async function laterConflicts({
  platform,
  clock,
  now,
  plan,
  settleMargin,
  patienceMs,
  signal,
  log,
}: Asking): Promise<readonly string[]> {
  const { timeline, groups } = plan;
  const compared = instantOf(plan.compared);
  if (now - compared > freshMs * 1000) {
    const ring = await presentRing(platform.database);
    const wanted = { timeline, instant: now, ring };
    const shipped = await waitUntilShipped(platform.bucket, wanted, { clock, patienceMs, signal });
    if (!shipped) log('the newest log is not in the store yet, so its transactions are compared by their cells alone');
  }
  const known = await knownSchema(platform, compared);
  const question = { groups, timeline, since: comparedUntil(compared, settleMargin), settleMargin };
  const { report } = await analyseUndo(platform, known, question, signal);
  return report.conflicts.map(({ group, element, why }) => `${group} ${why}: ${element}`);
}

async function changedCells(
  { database, keyspace }: Live,
  { stands }: UndoPlan,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const wanted = stands.map(({ table, key, column, was }): WantedCell & Pick<Standing[number], 'was'> => {
    const place = { table, key: Buffer.from(key, 'hex'), column: Buffer.from(column, 'hex') };
    return { name: cellName(table, place.key, place.column), cell: place, was };
  });
  const are = await readCells(database, keyspace, wanted, signal);
  return wanted.flatMap(({ name, cell: { table, key }, was }) => {
    const { was: is } = wasOf(are.get(name));
    if (is?.at === was?.at && is?.sha256 === was?.sha256) return [];
    const what = is === undefined ? 'was removed' : `was written at ${timeText(is.at)}`;
    return [`${table} of ${key.toString('hex')}: a cell ${what}`];
  });
}

function timeText(at: number): string {
  return Number.isSafeInteger(at) ? formatInstant(at as Micros) : String(at);
}

function changedSince(environment: string, plan: UndoPlan, changed: readonly string[]): RefusedProblem {
  return new RefusedProblem({
    code: 'undo-changed',
    happened: `Since this undo was planned, at ${plan.compared}, somebody has changed what it would write or what that stands on: ${changed.length} differences.`,
    state: 'The graph was not changed.',
    next: `Start the undo anew, so that it is planned from what the graph holds now: cardea undo ${environment} ${plan.groups.map((group) => `--group ${group}`).join(' ')} --confirm ${environment}.`,
    details: changed.slice(0, 50),
  });
}
