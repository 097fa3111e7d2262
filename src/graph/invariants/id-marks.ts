import { exactId, type Id } from '../codec/byte-reader.ts';
import { vertexKind } from '../codec/element-id.ts';
import { CellTimes } from './cell-times.ts';
import type { Finding, Suspicion } from './finding.ts';
import { readGlobalSettings } from '../global-settings.ts';
import { nextOf, poolName, readIdMark, type IdMark, type Pool } from '../id-claims.ts';
import type { CheckContext, Invariant } from './invariant.ts';

/**
 * Every id in use lies below the next block of its pool that an instance may claim: else JanusGraph would one day give it out again.
 * The pass keeps the highest count of each pool; the claims are read after it, so an id issued meanwhile lies below them too.
 */
export function idMarks(context: CheckContext): Invariant {
  const { ids, customVertexIds } = context.schema;
  const highest = new Map<string, UsedId>();

  const use = (pool: Pool, count: Id, element: () => string): void => {
    const name = poolName(pool);
    const known = highest.get(name);
    if (known === undefined || count > known.count) highest.set(name, { pool, count, element: element() });
  };
  const useRelation = (id: Id | undefined, kind: 'edge' | 'property'): void => {
    // Behind a value of a class of the user's own its id cannot be read.
    if (id === undefined) return;
    use({ namespace: 'relation', partition: ids.relationPartition(id) }, ids.relationCount(id), () => `${kind} ${id}`);
  };

  return {
    observer: {
      property: (_vertex, relation) => useRelation(relation.id, 'property'),
      edge: (_vertex, relation) => {
        if (relation.direction === 'out') useRelation(relation.id, 'edge');
      },
      vertexEnd: (vertex) => {
        const kind = vertexKind(vertex.id);
        if (kind === 'invisible' || (customVertexIds && kind !== 'schema') || vertex.id !== vertex.canonical) return;
        // Partitioned vertices are all counted in partition 1, wherever their parts lie.
        const partition = kind === 'partitioned' ? 1 : ids.partitionOf(vertex.id);
        use({ namespace: kind, partition }, ids.countOf(vertex.id), () => `vertex ${vertex.id}`);
      },
    },
    async suspicions() {
      const { database, keyspace } = context;
      const { tagBits } = await readGlobalSettings(database, keyspace);
      const damaged: Finding[] = [];
      const mark = await readIdMark(database, keyspace, ({ key, column }, problem) => {
        const element = `id claim 0x${key.toString('hex')}`;
        const relation = `0x${column.toString('hex')}`;
        if (damaged.length < mostClaims) {
          damaged.push({ kind: 'damaged-row', element, relation, detail: `The ${element}: ${problem.happened}` });
        }
      });
      const claims = damaged.map(
        (found): Suspicion => ({
          finding: found,
          again: async () => {
            let stands = false;
            await readIdMark(database, keyspace, ({ key, column }) => {
              stands ||=
                found.element.endsWith(key.toString('hex')) && found.relation === `0x${column.toString('hex')}`;
            });
            return stands ? { finding: found, times: new CellTimes() } : undefined;
          },
        }),
      );
      const marks = [...highest.values()].flatMap((used): Suspicion[] => {
        const found = findingOf(mark, used, tagBits);
        if (found === undefined) return [];
        const again: Suspicion['again'] = async () => {
          const finding = findingOf(await readIdMark(database, keyspace), used, tagBits);
          return finding === undefined ? undefined : { finding, times: new CellTimes() };
        };
        return [{ finding: found, again }];
      });
      return [...claims, ...marks];
    },
  };
}

/** Of claims that cannot be read: few are as good as many. */
const mostClaims = 20;

/** The highest number that is in use of a pool, and by what. */
interface UsedId {
  readonly pool: Pool;
  readonly count: Id;
  readonly element: string;
}

function findingOf(mark: IdMark, { pool, count, element }: UsedId, tagBits: number): Finding | undefined {
  const whole = BigInt(count);
  const tag = Number(whole & ((1n << BigInt(tagBits)) - 1n));
  const block = exactId(whole >> BigInt(tagBits));
  const next = nextOf(mark, pool, tag);
  if (block < next) return undefined;
  return {
    kind: 'id-above-mark',
    element,
    relation: poolName(pool),
    detail: `The ${element} has number ${block} in the ${poolName(pool)}, but only numbers below ${next} were claimed there: JanusGraph would give out the number again.`,
  };
}
