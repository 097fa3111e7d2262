import { type Random, randomOf } from '../../../src/sample/random.ts';

/** `point` to `undo` are restores in place. */
export const operations = ['point', 'instant', 'newest', 'undo', 'revert', 'accept', 'backup', 'rehearse'] as const;
export type Operation = (typeof operations)[number];

/** What goes wrong. `nodes`: which of the ring, by their numbers. Times in milliseconds. */
export type Disturbance =
  | { readonly kind: 'program killed' }
  | {
      readonly kind: 'agents killed';
      readonly nodes: readonly number[];
      /** By Cardea: whatever command does it first, minutes later perhaps. */
      readonly started: 'at once' | 'late' | 'by Cardea';
      readonly forMs: number;
    }
  | { readonly kind: 'agents paused'; readonly nodes: readonly number[]; readonly forMs: number }
  | { readonly kind: 'Cassandra killed'; readonly nodes: readonly number[] }
  | { readonly kind: 'store away'; readonly forMs: number }
  | { readonly kind: 'stored files of a node missing'; readonly nodes: readonly number[] }
  | { readonly kind: 'a strange file among the data'; readonly nodes: readonly number[] }
  | { readonly kind: 'a staged file gone'; readonly nodes: readonly number[] };

/** What a person tries before what Cardea names, after a command that did not succeed. */
export type FirstDeed = 'told' | 'restore' | 'backup' | 'accept' | 'sandbox up';

export interface DrawnFault {
  readonly seed: string;
  readonly operation: Operation;
  readonly what: Disturbance;
  /** After which event of the journal, as a share of those that an undisturbed run has. */
  readonly at: number;
  /** How long after that event, in milliseconds; a killed program dies right at it. */
  readonly afterMs: number;
  readonly first: FirstDeed;
  /** Takes the way back where two are named. */
  readonly back: boolean;
  /** Which of the points or instants, as a share of them. */
  readonly which: number;
  /** The program is killed once more, after so many events of what a person carries on or takes back first. */
  readonly killedAgain: number | undefined;
}

const size = 3;
const restores = ['point', 'point', 'point', 'instant', 'instant', 'instant', 'newest', 'undo'] as const;

/** Pure. Every other fault is about what the restore before it left to decide, which saves a restore. */
export function operationOf(seed: number, campaign: string): Operation {
  const before = seed % 2 === 1 ? operationOf(seed - 1, campaign) : undefined;
  const random = randomOf('ring-faults', campaign, seed);
  if (before !== undefined && isRestore(before)) {
    return random.pick(['revert', 'revert', 'revert', 'accept', 'accept', 'accept', 'backup', 'rehearse'] as const);
  }
  return random.pick([...restores, ...restores, 'backup', 'backup', 'backup', 'rehearse', 'rehearse'] as const);
}

/** Whether the operation is a restore in place. */
export function isRestore(operation: Operation): boolean {
  return restores.some((each) => each === operation);
}

/** Pure. `attempt`: the fault is drawn again, because the moment of the one before never came. */
export function drawFault(seed: number, attempt: number, campaign: string): DrawnFault {
  const random = randomOf('ring-faults', campaign, seed, attempt);
  const operation = operationOf(seed, campaign);
  const what = disturbance(random, operation);
  const share = random.below(1000) / 1000;
  return {
    seed: attempt === 0 ? String(seed) : `${seed}.${attempt}`,
    operation,
    what,
    // Only while files are staged is there one to lose.
    at: what.kind === 'a staged file gone' ? 0.3 + share * 0.4 : share,
    afterMs: random.below(operation === 'accept' ? 200 : 1500),
    first: random.pick(['told', 'told', 'told', 'restore', 'backup', 'accept', 'sandbox up'] as const),
    back: random.chance(0.5),
    which: random.below(1000) / 1000,
    killedAgain: random.chance(0.3) ? 1 + random.below(16) : undefined,
  };
}

/** What can be in the way of the operation. */
function disturbance(random: Random, operation: Operation): Disturbance {
  const nodes = someNodes(random);
  const one = [random.below(size)];
  const forMs = 1000 + random.below(14_000);
  const started = !random.chance(0.5) ? 'at once' : forMs < 3000 ? 'by Cardea' : 'late';
  const reads = operation !== 'revert' && operation !== 'accept';
  const stored: Disturbance = { kind: 'stored files of a node missing', nodes: one };
  return random.pick<Disturbance>([
    ...Array.from({ length: 5 }, () => ({ kind: 'program killed' }) as const),
    ...Array.from({ length: 3 }, () => ({ kind: 'agents killed', nodes, started, forMs }) as const),
    { kind: 'agents paused', nodes, forMs },
    { kind: 'agents paused', nodes: one, forMs },
    { kind: 'Cassandra killed', nodes: one },
    { kind: 'Cassandra killed', nodes },
    { kind: 'store away', forMs },
    { kind: 'store away', forMs },
    ...(reads ? [stored, stored] : []),
    ...(operation === 'accept' ? [] : [{ kind: 'a strange file among the data', nodes: one } as const]),
    ...(isRestore(operation) ? [{ kind: 'a staged file gone', nodes: one } as const] : []),
  ]);
}

/** Any of them, but never none. */
function someNodes(random: Random): readonly number[] {
  const bits = 1 + random.below(2 ** size - 1);
  return Array.from({ length: size }, (_, node) => node).filter((node) => ((bits >> node) & 1) === 1);
}

/** `agents paused (1, 3) for 4.2 s`: nodes are counted from 1. */
export function textOf(what: Disturbance): string {
  const nodes = 'nodes' in what ? ` (${what.nodes.map((node) => node + 1).join(', ')})` : '';
  const time = 'forMs' in what ? ` for ${(what.forMs / 1000).toFixed(1)} s` : '';
  if (what.kind !== 'agents killed') return `${what.kind}${nodes}${time}`;
  return `${what.kind}${nodes}${what.started === 'late' ? time : ` and started ${what.started}`}`;
}
