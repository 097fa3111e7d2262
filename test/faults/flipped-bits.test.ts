import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fileAuditSigner, fileAuditTrust } from '../../src/adapters/system/audit-key.ts';
import { configSchema } from '../../src/model/config.ts';
import { type FlipEnd, flipOf, openCampaign, tableOf } from '../support/flips/campaign.ts';
import { type Objects, readObjects } from '../support/flips/copied-bucket.ts';
import { standingClock, temporaryHome } from '../support/flips/copied-world.ts';
import { kindOf } from '../support/flips/kinds.ts';
import { type BucketFacts, bucketFacts, makeRealBucket } from '../support/flips/real-bucket.ts';
import { realMedusa } from '../support/flips/real-medusa.ts';

/**
 * A bit is flipped somewhere in the bucket of a sandbox, by seed, and everything of Cardea that reads that object is carried out up to the first
 * start of a server: restores to points and instants, rehearsals, a resumed restore, an undo's writes, lists. Either somebody names the object, or
 * everything is byte for byte as without the flip, or nobody reads it.
 *
 * FLIP_FROM and FLIP_COUNT choose a range of seeds, 0 and 1,000 without them. FLIP_BUCKET is a folder where the bucket is kept from one range to
 * the next, with the ends in `ends.jsonl`: a seed that has one is not played again. Without it all is made and removed.
 */
const from = Number(process.env['FLIP_FROM'] ?? 0);
const count = Number(process.env['FLIP_COUNT'] ?? 1000);
const kept = process.env['FLIP_BUCKET'];
const folder = kept ?? mkdtempSync(join(tmpdir(), 'cardea-flips-'));
const disks = mkdtempSync(temporaryHome());
const log = join(folder, 'ends.jsonl');

let facts: BucketFacts;
let objects: Objects;

beforeAll(async () => {
  await makeRealBucket(folder);
  facts = bucketFacts.parse(JSON.parse(readFileSync(join(folder, 'facts.json'), 'utf8')));
  objects = readObjects(join(folder, 'bucket'));
}, 1_200_000);

afterAll(() => {
  rmSync(disks, { recursive: true, force: true });
  if (kept === undefined) rmSync(folder, { recursive: true, force: true });
});

test('each object of a bucket is of a kind that bits are flipped in', () => {
  expect(new Set([...objects.keys()].map(kindOf)).size).toBeGreaterThan(30);
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
    ...realMedusa({ facts, objects, folder: join(disks, 'medusa') }),
  });
  // What is right must be seen as right: each question about the bucket as it is comes to a start or shows something.
  expect(
    known.filter(({ clean }) => clean.value === undefined).map(({ question, clean }) => [question.name, clean.said]),
  ).toEqual([]);
  const played = new Set(endsIn(log).map(({ seed }) => seed));
  for (let seed = from; seed < from + count; seed += 1) {
    if (played.has(seed)) continue;
    const end = await judge(flipOf(objects, seed), seed);
    appendFileSync(log, `${JSON.stringify(end)}\n`);
    const says = [end.by, end.says].filter((part) => part !== '').join(': ');
    process.stdout.write(`flip ${seed}: ${end.kind}: ${end.key} bit ${end.bit}: ${end.end} (${says.slice(0, 200)})\n`);
  }
  const ends = endsIn(log);
  process.stdout.write(`${tableOf(ends)}\n`);
  const ours = ends.filter(({ seed }) => seed >= from && seed < from + count);
  expect(ours.filter(({ end }) => end === 'WRONG')).toEqual([]);
});

function endsIn(file: string): readonly FlipEnd[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as FlipEnd);
}

function configOf() {
  const config = configSchema.parse({ name: 'flips', environments: { local: { platform: { kind: 'sandbox' } } } });
  const [local] = Object.values(config.environments);
  if (local === undefined) throw new TypeError('no environment');
  return local;
}
