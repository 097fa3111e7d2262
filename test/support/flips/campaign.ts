import { join } from 'node:path';
import type { BackupTool } from '../../../src/ports/backup-tool.ts';
import { randomOf } from '../../../src/sample/random.ts';
import { CopiedBucket, type Flip, type Objects } from './copied-bucket.ts';
import { copiedWorld, downloading } from './copied-world.ts';
import { type Answer, answerTo, type Asking, type Question, questionsOf } from './questions.ts';

export interface CampaignParts extends Pick<Asking, 'facts' | 'config' | 'clock' | 'signer' | 'trust'> {
  readonly objects: Objects;
  /** In memory, best. */
  readonly folder: string;
  /** The tool over a view of the bucket. */
  readonly tool: (bucket: CopiedBucket) => BackupTool | Promise<BackupTool>;
  /** Carries files as the tool itself does, when the object is one that only the tool reads; `downloading` otherwise. */
  readonly carries?: (flip: Flip, bucket: CopiedBucket) => Promise<BackupTool | undefined>;
}

/** How a flip ended. `unread`: no part of Cardea reads the object. `same`: it was read, and everything is as without the flip. */
export interface FlipEnd extends Flip {
  readonly kind: string;
  readonly end: 'unread' | 'same' | 'named' | 'WRONG';
  readonly says: string;
}

interface Known {
  readonly question: Question;
  readonly clean: Answer;
  readonly read: ReadonlySet<string>;
}

/** Asks everything of the bucket as it is, then lets each flip be judged by the questions that read its object. */
export async function openCampaign(
  parts: CampaignParts,
): Promise<{ readonly known: readonly Known[]; judge(flip: Flip): Promise<FlipEnd> }> {
  const known: Known[] = [];
  for (const question of questionsOf(parts.facts)) {
    const { answer, bucket } = await askOf(parts, question);
    known.push({ question, clean: answer, read: bucket.read });
  }
  return { known, judge: async (flip) => judge(parts, known, flip) };
}

let asked = 0;

async function askOf(parts: CampaignParts, question: Question, flip?: Flip) {
  const { facts, config, clock, signer, trust, objects, tool, carries } = parts;
  const bucket = new CopiedBucket(objects, { flip, hidden: question.hidden });
  asked += 1;
  const world = await copiedWorld({
    facts,
    bucket,
    clock,
    folder: join(parts.folder, String(asked)),
    tool: async () => {
      const carrying = flip === undefined ? undefined : carries?.(flip, bucket);
      return (await carrying) ?? downloading(await tool(bucket), bucket);
    },
  });
  try {
    return { answer: await answerTo(question, { facts, config, clock, signer, trust, bucket, world }), bucket };
  } finally {
    world.remove();
  }
}

async function judge(parts: CampaignParts, known: readonly Known[], flip: Flip): Promise<FlipEnd> {
  const kind = kindOf(flip.key);
  const concerned = known.filter(({ read, question }) => read.has(flip.key) || mayCarry(parts, flip, question));
  if (concerned.length === 0) return { ...flip, kind, end: 'unread', says: '' };
  let named: string | undefined;
  let changed: string | undefined;
  for (const { question, clean } of concerned) {
    const { answer } = await askOf(parts, question, flip);
    if (names(answer.said, flip.key) && !names(clean.said, flip.key)) {
      named ??= `${question.name}: ${lineWith(answer.said, flip.key)}`;
    } else if (answer.value !== clean.value) {
      const says = `${question.name}: ${answer.value === undefined ? answer.said : `other than without the flip: ${difference(clean.value ?? '', answer.value)}`}`;
      // A refusal may leave it to `cardea audit` to say which object it is; then that has to.
      const deferred = answer.value === undefined && answer.said.includes('cardea audit');
      if (question.shows !== true && !deferred) return { ...flip, kind, end: 'WRONG', says };
      changed ??= says;
    }
  }
  if (named !== undefined) return { ...flip, kind, end: 'named', says: named };
  return changed === undefined
    ? { ...flip, kind, end: 'same', says: '' }
    : { ...flip, kind, end: 'WRONG', says: changed };
}

/** Objects that only the tool itself reads: whatever brings files may depend on them. */
function mayCarry({ facts, carries }: CampaignParts, { key }: Flip, { name }: Question): boolean {
  if (carries === undefined || !isTools(key)) return false;
  const point = facts.points.find((each) => key.includes(each));
  return name === `restore to ${point ?? facts.points.at(-1) ?? ''}`;
}

/** Medusa's own documents. */
export function isTools(key: string): boolean {
  return key.startsWith('medusa/') && !/^medusa\/[^/]+\/(?:[^/]+\/)?data\//.test(key);
}

/** Whether a person learns which object it is: by its key, or as the event of a run. */
function names(said: string, key: string): boolean {
  if (said.includes(key)) return true;
  const [, run = '', number = ''] = /^runs\/([^/]+)\/0*(\d+)\.json$/.exec(key) ?? [];
  return run !== '' && said.includes(run) && new RegExp(`\\bevent ${number}\\b`).test(said);
}

function lineWith(said: string, key: string): string {
  const lines = said.split('\n');
  return (lines.find((line) => line.includes(key)) ?? lines.find((line) => names(line, key)) ?? '').slice(0, 300);
}

function difference(before: string, after: string): string {
  let at = 0;
  while (at < before.length && before[at] === after[at]) at += 1;
  return `…${before.slice(Math.max(0, at - 40), at + 60)}… is …${after.slice(Math.max(0, at - 40), at + 60)}…`;
}

/** The kinds that the campaign draws from alike. */
export function kindOf(key: string): string {
  const file = /-([A-Za-z]+)\.(?:db|crc32|txt)$/.exec(key)?.[1];
  if (/^medusa\/.*\/data\//.test(key)) return `SSTable ${file ?? 'other'}`;
  if (key.startsWith('medusa/')) return `Medusa ${key.split('/').at(-1)?.replace(/_.*$/, '') ?? ''}`;
  if (/^backup-[^/]+\.json$/.test(key)) return 'point';
  if (/^runs\/[^/]+\/logs\//.test(key)) return 'log of a step';
  if (key.startsWith('runs/')) return 'event';
  if (/^log\/.*watermark\.json$/.test(key)) return 'watermark';
  if (/^log\/.*\/marks\//.test(key)) return 'mark';
  if (/^log\/[^/]+\/schema\//.test(key)) return 'schema of a log';
  if (key.startsWith('log/')) return 'log piece';
  if (/^restores\/[^/]+\//.test(key)) return key.split('/').at(-1) ?? '';
  return key.split('/')[0] ?? key;
}

/** By seed: first a kind, then an object of it, then a bit of that. */
export function flipOf(objects: Objects, seed: number): Flip {
  const random = randomOf('flipped-bits', String(seed));
  const kinds = Map.groupBy(
    [...objects].filter(([, body]) => body.length > 0),
    ([key]) => kindOf(key),
  );
  const [key, body] = random.pick(kinds.get(random.pick([...kinds.keys()].sort())) ?? []);
  return { key, bit: random.below(body.length * 8) };
}
