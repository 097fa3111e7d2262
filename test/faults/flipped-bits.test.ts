import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openMedusa } from '../../src/adapters/medusa/medusa.ts';
import { openNodeFiles } from '../../src/adapters/node-files/node-files.ts';
import { fileAuditSigner, fileAuditTrust } from '../../src/adapters/system/audit-key.ts';
import { agentConfig } from '../../src/model/agent-config.ts';
import { configSchema } from '../../src/model/config.ts';
import { installedSandboxToolchain } from '../../src/platforms/sandbox/sandbox-toolchain.ts';
import { type FlipEnd, flipOf, isTools, openCampaign } from '../support/flips/campaign.ts';
import { type CopiedBucket, type Objects, readObjects } from '../support/flips/copied-bucket.ts';
import { standingClock, temporaryHome } from '../support/flips/copied-world.ts';
import { type BucketFacts, bucketFacts, makeRealBucket } from '../support/flips/real-bucket.ts';

/**
 * A bit is flipped somewhere in the bucket of a sandbox, by seed, and everything of Cardea that reads that object is carried out up to the first
 * start of a server: restores to points and instants, rehearsals, a resumed restore, an undo's writes, lists. Either somebody names the object, or
 * everything is byte for byte as without the flip.
 *
 * FLIP_FROM and FLIP_COUNT choose a range of seeds, 0 and 1,000 without them. FLIP_BUCKET is a folder where the bucket is kept from one range to
 * the next; without it the bucket is made and removed.
 */
const from = Number(process.env['FLIP_FROM'] ?? 0);
const count = Number(process.env['FLIP_COUNT'] ?? 1000);
const kept = process.env['FLIP_BUCKET'];
const folder = kept ?? mkdtempSync(join(tmpdir(), 'cardea-flips-'));
const disks = mkdtempSync(temporaryHome());
const bucket = join(folder, 'bucket');

let facts: BucketFacts;
let objects: Objects;

beforeAll(async () => {
  await makeRealBucket(folder);
  facts = bucketFacts.parse(JSON.parse(readFileSync(join(folder, 'facts.json'), 'utf8')));
  objects = readObjects(bucket);
}, 1_200_000);

afterAll(() => {
  rmSync(disks, { recursive: true, force: true });
  if (kept === undefined) rmSync(folder, { recursive: true, force: true });
});

test(`flips ${from} to ${from + count - 1}: each is named before a server starts, or changes nothing`, async () => {
  const signer = await fileAuditSigner(join(folder, 'keys', 'audit.key'), 'local');
  const { known, judge } = await openCampaign({
    facts,
    objects,
    folder: disks,
    config: configOf(),
    clock: standingClock(new Date(facts.leftAt)),
    trust: await fileAuditTrust(join(folder, 'keys', 'audit.key'), 'local'),
    signer: { ...signer, recordHead: async () => undefined },
    tool: async (view) => medusaOver(view),
    carries: async (flip, view) => (isTools(flip.key) ? medusaOver(view, flip.key) : undefined),
  });
  // What is right must be seen as right: each question about the bucket as it is comes to a start or shows something.
  expect(
    known.filter(({ clean }) => clean.value === undefined).map(({ question, clean }) => [question.name, clean.said]),
  ).toEqual([]);
  const ends: FlipEnd[] = [];
  for (let seed = from; seed < from + count; seed += 1) {
    const end = await judge(flipOf(objects, seed));
    ends.push(end);
    process.stdout.write(
      `flip ${seed}: ${end.kind}: ${end.key} bit ${end.bit}: ${end.end}${end.says === '' ? '' : ` (${end.says})`}\n`,
    );
  }
  const sums = Map.groupBy(ends, ({ end }) => end);
  process.stdout.write(`flipped bits: ${[...sums].map(([end, all]) => `${all.length} ${end}`).join(', ')}\n`);
  expect(ends.filter(({ end }) => end === 'WRONG')).toEqual([]);
});

function configOf() {
  const config = configSchema.parse({ name: 'flips', environments: { local: { platform: { kind: 'sandbox' } } } });
  const [local] = Object.values(config.environments);
  if (local === undefined) throw new TypeError('no environment');
  return local;
}

/** The real Medusa. With `key`, it carries the files itself, from the bucket's own directory, where that object is as in the view. */
async function medusaOver(view: CopiedBucket, key?: string) {
  const toolchain = installedSandboxToolchain();
  if (toolchain === undefined) throw new TypeError('the toolchain is not installed');
  const state = join(disks, 'medusa');
  mkdirSync(state, { recursive: true });
  const config = agentConfig.parse({
    node: facts.node.name,
    environment: 'local',
    listen: { host: '127.0.0.1', port: 0 },
    tokenFile: '/dev/null',
    stateDirectory: state,
    cassandra: {
      yaml: join(state, 'cassandra.yaml'),
      dataDirectories: [join(state, 'data')],
      commitlogDirectory: join(state, 'commitlog'),
      hintsDirectory: join(state, 'hints'),
      savedCachesDirectory: join(state, 'saved_caches'),
      asideDirectory: join(state, 'aside'),
      cqlAddress: '127.0.0.1',
      cqlPort: 9042,
      nodetool: ['nodetool'],
      pidFile: join(state, 'pid'),
    },
    medusa: { executable: toolchain.medusa, nodetoolDirectory: dirname(toolchain.medusa), bandwidth: 0 },
    store: { kind: 'directory', path: bucket },
  });
  const tool = await openMedusa(config, {
    bucket: view,
    files: openNodeFiles(join(state, 'hashes.json')),
    folder: state,
  });
  if (key === undefined) return tool;
  return {
    ...tool,
    download: async (...given: Parameters<typeof tool.download>) => {
      const body = objects.get(key) ?? new Uint8Array();
      writeFileSync(join(bucket, key), view.peek(key) ?? body);
      try {
        await tool.download(...given);
      } finally {
        writeFileSync(join(bucket, key), body);
      }
    },
  };
}
