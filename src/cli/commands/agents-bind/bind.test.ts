import { expect, test } from 'vitest';
import { BoundEnvironment } from '../../../../test/support/bound-agents.ts';
import { testWorld, type TestWorld } from '../../../../test/support/engine-world.ts';
import { inTime } from '../../../../test/support/fake-clock.ts';
import { MemoryStore } from '../../../../test/support/memory-store.ts';
import { runbookOf, type Sketch } from '../../../../test/support/runbook-sketch.ts';
import { acquireLease } from '../../../journal/lease.ts';
import { currentLease } from '../../../journal/lease-record.ts';
import { readIdentity } from '../../../ports/bucket-evidence.ts';
import type { JobKind } from '../../../ports/node-agent.ts';
import type { StepContext } from '../../../runbook/define.ts';
import { resumeRun, startRun } from '../../../runbook/engine.ts';
import { onEachNode } from '../../../runbooks/steps/each-node.ts';
import { enterEnvironment } from '../../runs/enter-environment.ts';
import { agentsText } from '../agents/text.ts';
import { askAgents } from '../../runs/agents-of.ts';
import { bindAgents } from './bind.ts';

const nodes = ['n1', 'n2', 'n3'];

/** The program and the agents of one environment, as `cardea` puts them together. */
function opened(world: TestWorld = testWorld(), name = 'prod') {
  const environment = new BoundEnvironment(world, name, nodes);
  const onMove = { work: () => {} };
  const engine = () => {
    const platform = environment.platform();
    return {
      platform,
      world: {
        ...world,
        store: platform.bucket,
        enter: async (wanted: string) => enterEnvironment(platform, wanted),
      },
    };
  };
  const jobStep = (platform: ReturnType<typeof engine>['platform'], kind: JobKind = 'delete-backup'): Sketch => ({
    id: 'job',
    needs: ['move'],
    run: async (context: StepContext<unknown, unknown, unknown>) => {
      await onEachNode(platform, context, kind, () => ({ point: 'backup-20260219-020000' }));
      return {};
    },
  });
  const runbook = (platform: ReturnType<typeof engine>['platform']) =>
    runbookOf([{ id: 'move', effect: 'destroy', run: async () => onMove.work() ?? {} }, jobStep(platform)], undefined, {
      pivot: 'move',
    });
  return {
    world,
    environment,
    /** Done by a run before its jobs. */
    onMove,
    /** Moves something, then lets each node do a job. */
    run: async () => {
      const { platform, world: entered } = engine();
      return startRun(entered, runbook(platform), {
        environment: name,
        params: {},
        services: undefined,
        confirmed: name,
      });
    },
    resume: async (run: string) => {
      const { platform, world: entered } = engine();
      // The audit chain was lost with the bucket, so that this machine asks a person again.
      return resumeRun(entered, () => runbook(platform), { run, services: undefined, confirmed: name });
    },
    bind: async () => bindAgents(world, environment.platform(), new AbortController().signal),
    epochs: async () =>
      Promise.all(nodes.map(async (node) => (await environment.agent(node).client().health()).highestEpoch)),
  };
}

const wayOn = expect.stringContaining('cardea agents bind prod --confirm prod') as unknown;

test('a first run names the bucket, and each agent remembers it from its first job on, also when it starts again', async () => {
  const { environment, run } = opened();
  expect((await run()).status).toBe('succeeded');
  const identity = await readIdentity(environment.store);
  expect(identity).toMatchObject({ environment: 'prod', project: 'bank' });
  for (const agent of environment.agents.values()) {
    agent.restart();
    expect(await agent.client().health()).toMatchObject({ bucket: { id: identity?.id } });
  }
});

test('a run on the bucket of another environment is refused before it writes anything, and so are the agents', async () => {
  const prod = opened();
  await prod.run();
  const staging = opened(prod.world, 'staging');
  const before = new Map((prod.environment.store as MemoryStore).objects);
  await expect(staging.run()).rejects.toMatchObject({ code: 'bucket-of-another-environment', kind: 'refused' });
  await expect(staging.bind()).rejects.toMatchObject({ code: 'bucket-of-another-environment', kind: 'refused' });
  const job = staging.environment
    .agent('n1')
    .client()
    .run(
      { run: 'backup-1', step: 'job', epoch: 1 },
      'clear-snapshot',
      { point: 'x' },
      {
        signal: new AbortController().signal,
        progress: () => {},
      },
    );
  await expect(job).rejects.toMatchObject({ code: 'bucket-of-another-environment' });
  expect(staging.environment.agent('n1').ran).toEqual([]);
  expect((prod.environment.store as MemoryStore).objects).toEqual(before);
});

test('a run of another environment that lies in the bucket is not carried on from there', async () => {
  const { environment } = opened();
  await expect(enterEnvironment(environment.platform(), 'staging')).rejects.toMatchObject({
    code: 'run-of-another-environment',
  });
});

test('on a bucket that was made anew a run is refused with the way on, and that way works: the epoch stays above what agents have seen', async () => {
  const { environment, run, bind, epochs } = opened();
  for (let count = 0; count < 57; count += 1) await run();
  expect(await epochs()).toEqual([57, 57, 57]);

  environment.store = new MemoryStore();
  await expect(run()).rejects.toMatchObject({ code: 'bucket-changed', kind: 'refused', next: wayOn });
  expect([...(environment.store as MemoryStore).objects.keys()]).toEqual([]);

  const { identity, agents } = await bind();
  expect(agents.filter(({ problem }) => problem !== undefined)).toEqual([]);
  expect(await epochs()).toEqual([58, 58, 58]);
  expect((await run()).status).toBe('succeeded');
  expect(await epochs()).toEqual([59, 59, 59]);
  expect(await readIdentity(environment.store)).toEqual(identity);
});

test('agents that are away when a run begins do not stop it; one that comes back with a higher epoch refuses, and a resume goes above it', async () => {
  const { environment, onMove, run, resume, bind, epochs } = opened();
  for (let count = 0; count < 9; count += 1) await run();
  environment.store = new MemoryStore();
  // Told for the other bucket, and away when the agents were bound to the new one.
  const late = environment.agent('n3');
  late.away = true;
  const bound = await bind();
  expect(bound.agents.find(({ node }) => node === 'n3')?.problem?.code).toBe('agent-unreachable');
  late.away = false;
  // It has seen an epoch that no run of this bucket had.
  await late.client().bind({ id: bound.identity.id, epoch: 500 });
  late.away = true;

  onMove.work = () => {
    late.away = false;
  };
  const moved = await run();
  expect(moved).toMatchObject({ status: 'failed', problem: { code: 'stale-epoch' } });
  expect(moved.problem?.next).toContain(`cardea run resume ${moved.run}`);
  expect(await resume(moved.run)).toMatchObject({ status: 'succeeded' });
  expect(await epochs()).toEqual([501, 501, 501]);
});

test('a forged lease is refused by name, whatever it says, and is set aside by a person: no agent has seen its epoch', async () => {
  const { world, environment, run, bind, epochs } = opened();
  await run();
  const store = environment.store as MemoryStore;
  const forged = (epoch: number) =>
    store
      .text('leases/00000001.json')
      .replace('"epoch": 1', `"epoch": ${epoch}`)
      .replace(/"expiresAt": "2026/, '"expiresAt": "2126')
      .replace(/,\s*"ended": \{[^}]*\}/, '')
      .replaceAll('"here"', '"a machine that there is not"');
  store.set('leases/99999999.json', forged(99_999_999));
  store.set('leases/9007199254740992.json', forged(2 ** 53));
  await expect(run()).rejects.toMatchObject({ code: 'lease-not-usable', next: wayOn });
  expect(await epochs()).toEqual([1, 1, 1]);

  const { setAside, epoch } = await inTime(bind(), world.clock);
  expect(setAside).toEqual(['leases/99999999.json']);
  expect(epoch).toBe(2);
  expect(store.objects.has('leases/set-aside/99999999.json')).toBe(true);
  expect((await run()).status).toBe('succeeded');
  expect(await epochs()).toEqual([3, 3, 3]);
});

test('a lease of a copy that cannot be one is set aside, too', async () => {
  const { environment, run, bind } = opened();
  await run();
  const store = environment.store as MemoryStore;
  store.set('leases/copies/staging/00000003.json', 'no lease');
  expect((await bind()).setAside).toEqual(['leases/copies/staging/00000003.json']);
  expect(store.objects.has('leases/set-aside/copies/staging/00000003.json')).toBe(true);
});

test('an epoch that was forged on an agent is set back, whether it leaps for the others or leaves none', async () => {
  for (const forged of [5_000_000, 99_999_999]) {
    const { environment, run, bind, epochs } = opened();
    const { status } = await run();
    expect(status).toBe('succeeded');
    await environment
      .agent('n2')
      .client()
      .bind({ id: (await readIdentity(environment.store))?.id ?? '', epoch: forged });
    const outcome = await run().catch((thrown: unknown) => ({ problem: thrown }));
    const { problem } = outcome as { problem: { code: string; next: string; details: string[] } };
    expect(problem.code).toBe(forged === 99_999_999 ? 'epochs-used-up' : 'epoch-leap');
    expect(`${problem.next} ${problem.details.join(' ')}`).toContain('cardea agents bind prod --confirm prod');
    await bind();
    expect((await run()).status).toBe('succeeded');
    expect(new Set(await epochs()).size).toBe(1);
  }
});

test('agents are not bound while a run goes on', async () => {
  const { world, environment, bind, run } = opened();
  await run();
  const store = environment.platform().bucket;
  const lease = await acquireLease({ ...world.another('elsewhere'), store }, { environment: 'prod', run: 'other' });
  await expect(bind()).rejects.toMatchObject({ code: 'environment-busy' });
  await lease.release();
  await bind();
  expect(await currentLease(environment.store)).toMatchObject({ ended: { why: 'released' } });
});

test('an agent is bound only to the bucket that it was configured with', async () => {
  const { environment, run } = opened();
  await run();
  await expect(environment.agent('n1').client().bind({ id: 'anotherbucket', epoch: 3 })).rejects.toMatchObject({
    code: 'other-bucket',
    kind: 'refused',
  });
});

test('a job that touches the node alone is done while the store is away, and one that needs it waits', async () => {
  const { environment, run, world } = opened();
  await run();
  const store = environment.store as MemoryStore;
  store.unreachable = true;
  const n1 = environment.agent('n1');
  const options = { signal: new AbortController().signal, progress: () => {} };
  const key = { run: 'revert-1', step: 'x', epoch: 1 };
  await n1.client().run(key, 'revert-aside', { run: 'restore-1' }, options);
  const waiting = n1.client().run(key, 'delete-backup', { point: 'x' }, options);
  await world.clock.advance(30_000);
  store.unreachable = false;
  await inTime(waiting, world.clock);
  expect(n1.ran.slice(-2)).toEqual(['revert-aside', 'delete-backup']);
});

test('the list of agents says which bucket each works for, and what to do about another one', async () => {
  const { environment, run } = opened();
  await run();
  environment.store = new MemoryStore();
  environment.agent('n3').away = true;
  const platform = environment.platform();
  const asked = await askAgents(platform);
  const text = agentsText(
    { environment: 'prod', description: 'memory', identity: await platform.bucket.look(), asked },
    (_, words) => words,
  );
  expect(text).toContain('memory: nothing was written there yet');
  expect(text).toMatch(/n1 +ANOTHER \(/);
  expect(text).toContain('does not answer');
  expect(text).toContain('cardea agents bind prod --confirm prod');
});
