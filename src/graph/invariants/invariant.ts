import type { Clock } from '../../ports/clock.ts';
import type { Database } from '../../ports/database.ts';
import type { GraphService } from '../../ports/graph-service.ts';
import type { UndecodableRow } from '../codec/byte-reader.ts';
import type { FindingKind, Suspicion } from './finding.ts';
import { edgeTextSeenFrom } from '../fingerprint.ts';
import type { Relation } from '../codec/relation.ts';
import type { DamagedCell, RowObserver, ScanOptions, VertexRow } from '../scan.ts';
import type { GraphSchema } from '../schema.ts';

/** What every invariant has at hand. */
export interface CheckContext {
  readonly database: Database;
  readonly graph: GraphService;
  readonly keyspace: string;
  readonly schema: GraphSchema;
  readonly clock: Clock;
  readonly scan: ScanOptions;
}

/** What passes by during a check. Edges come from both of their vertices, each time with their one canonical text. */
export interface GraphObserver {
  property?(vertex: VertexRow, relation: Relation): void;
  edge?(vertex: VertexRow, relation: Relation, text: string): void;
  vertexEnd?(vertex: VertexRow): void;
  damaged?(vertex: VertexRow | undefined, cell: DamagedCell, problem: UndecodableRow): void;
}

/**
 * Something that must hold of the whole graph, checked in constant memory. `observer` watches the one pass over the rows. `compare` then
 * reads what stands on the other side and returns an observer for a second pass when something differs; `suspicions` come last.
 */
export interface Invariant {
  readonly observer: GraphObserver;
  compare?(): Promise<GraphObserver | undefined>;
  suspicions(): Promise<readonly Suspicion[]>;
  /** Suspicions beyond those that are kept, by kind: counted, never looked at again. */
  readonly beyond?: () => ReadonlyMap<FindingKind, number>;
}

/** Hands rows to several observers at once. Schema vertices' properties pass too; their relations to each other and repeats of edges do not. */
export function rowObserver(schema: GraphSchema, observers: readonly GraphObserver[]): RowObserver {
  return {
    relation(vertex, relation) {
      if (relation.type.repeats !== undefined) return;
      if (relation.type.category === 'property') {
        for (const observer of observers) observer.property?.(vertex, relation);
      } else if (!relation.type.system) {
        const text = edgeTextSeenFrom(schema, vertex, relation);
        for (const observer of observers) observer.edge?.(vertex, relation, text);
      }
    },
    vertexEnd(vertex) {
      for (const observer of observers) observer.vertexEnd?.(vertex);
    },
    damaged(vertex, cell, problem) {
      for (const observer of observers) observer.damaged?.(vertex, cell, problem);
    },
  };
}
