import type { Database } from '../../ports/database.ts';
import type { GraphService } from '../../ports/graph-service.ts';
import { CellTimes } from './cell-times.ts';
import type { Finding, Suspicion } from './finding.ts';
import { readGlobalSettings, registrationColumn, settingsKey } from '../global-settings.ts';
import type { CheckContext, Invariant } from './invariant.ts';

/** Names of the instances that run now. */
export type LiveInstances = () => Promise<readonly string[]>;

/** What the connected server calls itself; right where an environment has one server. */
export function connectedInstance(graph: GraphService): LiveInstances {
  return async () => [...(await graph.submit<string>('graph.getConfiguration().getUniqueGraphId()'))];
}

/** No instance is registered that does not live: each change of the schema would wait for its answer for ever. */
export function registrations(context: CheckContext, live: LiveInstances): Invariant {
  const dead = async (): Promise<readonly string[]> => deadInstances(context.database, context.keyspace, await live());
  return {
    observer: {},
    async suspicions() {
      return (await dead()).map((instance): Suspicion => {
        const finding: Finding = {
          kind: 'dead-instance',
          element: `instance ${instance}`,
          detail: `Instance ${instance} is registered as open but is not running: schema changes wait for it.`,
        };
        return {
          finding,
          again: async () => ((await dead()).includes(instance) ? { finding, times: new CellTimes() } : undefined),
        };
      });
    },
  };
}

async function deadInstances(
  database: Database,
  keyspace: string,
  live: readonly string[],
): Promise<readonly string[]> {
  const { instances } = await readGlobalSettings(database, keyspace);
  return instances.filter((instance) => !live.includes(instance));
}

/** Clears the registrations of instances that are not in `live`; all of them when servers are stopped. Gives the names cleared. Idempotent. */
export async function clearDeadRegistrations(
  database: Database,
  keyspace: string,
  live: readonly string[],
): Promise<readonly string[]> {
  const dead = await deadInstances(database, keyspace, live);
  for (const instance of dead) {
    await database.execute(`DELETE FROM "${keyspace}".system_properties WHERE key = ? AND column1 = ?`, [
      settingsKey,
      registrationColumn(instance),
    ]);
  }
  return dead;
}
