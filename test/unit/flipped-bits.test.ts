import { randomInt } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { join } from 'node:path';
import { pointJson } from '../../src/cli/commands/points/text.ts';
import { surveyPoints } from '../../src/runbooks/catalog/point-catalog.ts';
import { CopiedBucket } from '../support/flips/copied-bucket.ts';
import { answerTo, questionsOf } from '../support/flips/questions.ts';
import { type FlipEnd, flipOf, openCampaign } from '../support/flips/campaign.ts';
import { kindOf } from '../support/flips/kinds.ts';
import { copiedWorld, downloading, temporaryHome } from '../support/flips/copied-world.ts';
import { madeBucket } from '../support/flips/made-bucket.ts';

/**
 * A share of what test/faults/flipped-bits.test.ts does with a thousand flips in the bucket of real servers. FLIP_SEED plays the same again,
 * FLIP_COUNT more.
 */
const seed = Number(process.env['FLIP_SEED'] ?? randomInt(1_000_000));
const count = Number(process.env['FLIP_COUNT'] ?? 50);
const folder = mkdtempSync(temporaryHome());

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('a flipped bit in any stored object is named before a server starts, or changes nothing', async () => {
  process.stdout.write(`flipped bits: FLIP_SEED=${seed}\n`);
  const made = await madeBucket(folder);
  const { known, judge } = await openCampaign(made);
  const reaching = known.filter(({ clean }) => clean.value !== undefined).map(({ question }) => question.name);
  expect(reaching).toEqual(
    expect.arrayContaining(['restore to backup-20260219-010000', 'resume the killed restore', 'points']),
  );
  const ends: FlipEnd[] = [];
  for (let at = seed; at < seed + count; at += 1) ends.push(await judge(flipOf(made.objects, at), at));
  expect(
    ends.filter(({ end }) => end === 'WRONG'),
    `FLIP_SEED=${seed}`,
  ).toEqual([]);
  // Each kind in turn: so that the many events and files do not stand for all.
  const kinds = new Set([...made.objects.keys()].map(kindOf));
  expect(kinds.size).toBeGreaterThan(15);
  expect(new Set(ends.map(({ kind }) => kind)).size).toBe(kinds.size);
  expect(ends.filter(({ end }) => end === 'named').length).toBeGreaterThan(count / 4);
});

test('a restore that finds a damaged file records the point as failed, and the object that is damaged', async () => {
  const made = await madeBucket(join(folder, 'second'));
  const key = [...made.objects.keys()].find((each) => each.endsWith('Data.db')) ?? '';
  const [restore] = questionsOf(made.facts);
  if (restore === undefined) throw new TypeError('no question');
  const bucket = new CopiedBucket(made.objects, { flip: { key, bit: 77 }, hidden: restore.hidden });
  const tool = async (view: CopiedBucket) => downloading(await made.tool(view), view);
  const world = await copiedWorld({ ...made, bucket, folder: join(folder, 'disks'), tool });
  expect((await answerTo(restore, { ...made, bucket, world })).value).toBeUndefined();
  const { points } = await surveyPoints(bucket);
  expect(points.map(pointJson)).toMatchObject([{ proof: 'failed', failure: expect.stringContaining(key) }]);
});
