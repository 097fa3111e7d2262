import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { fingerprintGraph } from '../../../src/graph/fingerprint.ts';
import { waitFor } from '../../../src/host/wait-for.ts';
import { formatInstant, micros, microsOf } from '../../../src/model/instant.ts';
import { asProblem } from '../../../src/model/problem.ts';
import { listPoints } from '../../../src/runbooks/catalog/point-catalog.ts';
import { openAtConsistency } from '../any-second/consistency.ts';
import { openLocal } from '../any-second/local.ts';
import { gremlinFingerprint } from '../gremlin-fingerprint.ts';
import { claimsBelow, loadSample, sandboxUp, shippedUpTo, strayProcesses, type TestSandbox } from '../sandbox.ts';
import { type AwayStore, storeThatGoesAway } from '../store-away.ts';
import { GraphOracle } from './graph-oracle.ts';

/** So many markers stay in the graph; each further one removes the oldest. */
const markersKept = 4;

const taken = z.object({ run: z.string(), point: z.string() });

/** A real ring of three with everything of an environment, written to by an application whose acknowledgements the oracle keeps. */
export class FaultRing {
  readonly oracle = new GraphOracle();
  readonly sandbox: TestSandbox;
  readonly store: AwayStore;
  /** A fault has killed servers that nothing of Cardea had stopped. */
  serversKilled = false;
  #writes = 0;
  #password = '';

  private constructor(sandbox: TestSandbox, store: AwayStore) {
    this.sandbox = sandbox;
    this.store = store;
  }

  static async up(): Promise<FaultRing> {
    const store = storeThatGoesAway();
    try {
      const ring = new FaultRing(await sandboxUp(3, store.path), store);
      try {
        await ring.#begin();
        return ring;
      } catch (thrown) {
        await ring.sandbox.down();
        throw thrown;
      }
    } catch (thrown) {
      store.remove();
      throw thrown;
    }
  }

  async down(): Promise<void> {
    try {
      await this.sandbox.down();
    } finally {
      this.store.remove();
    }
  }

  async #begin(): Promise<void> {
    const { platform } = this.sandbox;
    await loadSample(platform, 'ring-faults');
    this.#password = randomUUID();
    await platform.database.execute(
      `INSERT INTO system_auth.roles (role, can_login, is_superuser, salted_hash) VALUES ('clerk', true, false, '${this.#password}')`,
    );
    await this.write();
    await this.backUp();
    await this.write();
  }

  /** A quiesced backup that nothing disturbs. */
  async backUp(): Promise<void> {
    const { point } = await this.sandbox.answer(taken, 'backup', 'local', '--quiesced');
    this.oracle.points.set(point, this.oracle.line);
  }

  /**
   * One transaction of an application, acknowledged and shipped: a marker and an edge of it are added, the oldest of too many is removed. Says
   * which of its ids were given out before.
   */
  async write(): Promise<readonly string[]> {
    this.#writes += 1;
    const key = `marker-${this.#writes}`;
    const before = this.oracle.line.at(-1)?.markers ?? [];
    const all = [...before, key];
    const gone = all.length > markersKept ? all[0] : undefined;
    const ids = await this.#commit(key, gone);
    // The next microsecond, so that a commit time of this very one is before it.
    const at = formatInstant(micros(microsOf(new Date()) + 1));
    await shippedUpTo(this.sandbox, at);
    this.oracle.written({ at, markers: all.filter((each) => each !== gone), print: await this.fingerprint() });
    return this.oracle.given(key, ids);
  }

  async #commit(key: string, gone: string | undefined): Promise<readonly string[]> {
    const { graph } = this.sandbox.platform;
    const commit = async () =>
      graph.submit<string>(commitScript, { marker: key, gone: gone ?? '' }, { timeoutMs: 60_000 });
    // A server that has just started may lose its first requests; whether one of them was committed is looked up.
    return waitOut(commit);
  }

  /** Of the whole graph, as its server shows it. */
  async fingerprint(): Promise<string> {
    const { hash } = await waitOut(async () => gremlinFingerprint(this.sandbox.platform.graph));
    return hash;
  }

  /** Points that may be restored, as Cardea lists them; the oracle learns of new ones that they hold the graph as it is now. */
  async goodPoints(): Promise<readonly string[]> {
    const good = (await listPoints(this.sandbox.platform.bucket)).filter(({ proof }) => proof !== 'failed');
    for (const { id } of good) if (!this.oracle.points.has(id)) this.oracle.points.set(id, this.oracle.line);
    return good.map(({ id }) => id);
  }

  /** What the replicas hold, each asked alone, where they do not all hold the same. */
  async differingReplicas(): Promise<readonly string[]> {
    const { record } = openLocal(this.sandbox.home);
    const { keyspace } = this.sandbox.platform;
    const prints: { readonly name: string; readonly hash: string }[] = [];
    for (const { name, address } of record.nodes) {
      const replica = openAtConsistency({
        addresses: [address],
        localDataCenter: record.datacenter,
        consistency: 'one',
      });
      try {
        prints.push({ name, hash: (await fingerprintGraph(replica, keyspace)).hash });
      } finally {
        await replica.close();
      }
    }
    if (new Set(prints.map(({ hash }) => hash)).size === 1) return [];
    return [`the replicas hold different graphs: ${prints.map(({ name, hash }) => `${name} ${hash}`).join(', ')}`];
  }

  /** Everything but the graph that is not as it must be between two operations, one line for each. */
  async leftovers(): Promise<readonly string[]> {
    const wrong: string[] = [];
    const { sandbox } = this;
    const now = await sandbox.status();
    if (now.state !== 'up') wrong.push(`the environment is ${now.state}`);
    if (now.copies.length > 0) wrong.push(`copies are left: ${now.copies.join(', ')}`);
    // What a killed agent had started ends a moment after it.
    const ended = await waitFor(() => (strayProcesses(sandbox.home, now).length === 0 ? true : undefined), {
      withinMs: 20_000,
      everyMs: 200,
    });
    if (ended === undefined) wrong.push(`processes are left: ${strayProcesses(sandbox.home, now).join('; ')}`);
    if (claimsBelow(sandbox.home).length !== 1) wrong.push('networks of copies are left');
    const { database } = sandbox.platform;
    const [role] = await database.execute("SELECT salted_hash FROM system_auth.roles WHERE role = 'clerk'");
    if (role?.['salted_hash'] !== this.#password) wrong.push('the password of the role clerk was turned back');
    return wrong;
  }
}

/** Until the graph's server answers; what it answers is not asked again. */
async function waitOut<T>(ask: () => Promise<T>): Promise<T> {
  const found = await waitFor(
    async () => {
      try {
        return { answer: await ask() };
      } catch (thrown) {
        if (asProblem(thrown, 'Asking the graph').kind === 'retryable') return undefined;
        throw thrown;
      }
    },
    { withinMs: 120_000, everyMs: 500 },
  );
  if (found === undefined) throw new TypeError('the server of the graph does not answer');
  return found.answer;
}

/** Adds the marker unless it is there: the answer to an earlier commit may have been lost. Gives the ids of its elements. */
const commitScript = `
  if (!g.V().has('businessKey', marker).hasNext()) {
    def added = g.addV('customer').property('businessKey', marker).property('status', 'active').next()
    def customer = g.V().has('businessKey', 'customer-0-0').next()
    added.addEdge('transfer', customer, 'amount', 1L)
    if (gone != '') g.V().has('businessKey', gone).drop().iterate()
    g.tx().commit()
  }
  def relation = { 'relation ' + it.id().toString().split('-')[0] }
  def ids = g.V().has('businessKey', marker).toList().collectMany { v ->
    ['vertex ' + v.id().toString()] +
      v.edges(org.apache.tinkerpop.gremlin.structure.Direction.OUT).collect(relation) +
      v.properties().collect(relation)
  }
  g.tx().rollback()
  ids
`;
