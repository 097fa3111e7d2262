import { join } from 'node:path';
import type { BackupTool } from '../../../src/ports/backup-tool.ts';
import { randomOf } from '../../../src/sample/random.ts';
import { CopiedBucket, type Flip, type Objects } from './copied-bucket.ts';
import { copiedWorld, downloading } from './copied-world.ts';
import { isDataFile, isTools, kindOf } from './kinds.ts';
import { type Answer, answerTo, type Asking, type Question, questionsOf } from './questions.ts';

export interface CampaignParts extends Pick<Asking, 'facts' | 'config' | 'clock' | 'signer' | 'trust'> {
  readonly objects: Objects;
  /** In memory, best. */
  readonly folder: string;
  /** The tool over a view of the bucket. */
  readonly tool: (bucket: CopiedBucket) => BackupTool | Promise<BackupTool>;
  /** How the tool itself carries files, which only matters for a flip in an object that only it reads. */
  readonly carrier?: Carrier;
}

export interface Carrier {
  /** Carries files itself, as they are in the view. */
  readonly tool: (bucket: CopiedBucket, key: string) => BackupTool | Promise<BackupTool>;
  /** The objects that it read when it carried the files of the point. */
  readonly reads: (point: string) => Promise<ReadonlySet<string>>;
}

/**
 * How a flip ended. `unread`: the object was asked for by nothing that comes before a server starts, and by Medusa neither. `same`: it was
 * read, and what is decided, and every file that was brought, is byte for byte as without the flip.
 */
export interface FlipEnd extends Flip {
  readonly seed: number;
  readonly kind: string;
  readonly end: 'unread' | 'same' | 'named' | 'WRONG';
  /** Which question named it, and with which code. */
  readonly by: string;
  readonly says: string;
}

interface Known {
  readonly question: Question;
  readonly clean: Answer;
  readonly read: ReadonlySet<string>;
  /** What the tool read when it carried files for this question; empty where `downloading` stands for it. */
  readonly carried: ReadonlySet<string>;
}

/** Asks everything of the bucket as it is, then lets each flip be judged by the questions that read its object. */
export async function openCampaign(parts: CampaignParts): Promise<{
  readonly known: readonly Known[];
  judge(flip: Flip, seed?: number): Promise<FlipEnd>;
}> {
  const known: Known[] = [];
  const questions = questionsOf(parts.facts);
  for (const question of questions) {
    const { answer, bucket } = await askOf(parts, question);
    const point = parts.facts.points.find((each) => question.name === `restore to ${each}`);
    const carried = point === undefined ? undefined : await parts.carrier?.reads(point);
    known.push({ question, clean: answer, read: bucket.read, carried: carried ?? new Set() });
  }
  return { known, judge: async (flip, seed = 0) => ({ ...(await judge(parts, known, flip, seed)), seed }) };
}

let asked = 0;

async function askOf(parts: CampaignParts, question: Question, flip?: Flip, byTool = false) {
  const { facts, config, clock, signer, trust, objects, tool, carrier } = parts;
  const bucket = new CopiedBucket(objects, { flip, hidden: question.hidden });
  asked += 1;
  const world = await copiedWorld({
    facts,
    bucket,
    clock,
    folder: join(parts.folder, String(asked)),
    tool: async () => {
      const carrying = byTool && flip !== undefined ? await carrier?.tool(bucket, flip.key) : undefined;
      return carrying ?? downloading(await tool(bucket), bucket);
    },
  });
  try {
    return { answer: await answerTo(question, { facts, config, clock, signer, trust, bucket, world }), bucket };
  } finally {
    world.remove();
  }
}

async function judge(
  parts: CampaignParts,
  known: readonly Known[],
  flip: Flip,
  seed: number,
): Promise<Omit<FlipEnd, 'seed'>> {
  const kind = kindOf(flip.key);
  const concerned = concernedBy(known, flip, seed);
  if (concerned.length === 0) return { ...flip, kind, end: 'unread', by: '', says: '' };
  let named: { readonly by: string; readonly says: string } | undefined;
  let changed: { readonly by: string; readonly says: string } | undefined;
  for (const { question, clean, carried } of concerned) {
    const { answer } = await askOf(parts, question, flip, isTools(flip.key) && carried.has(flip.key));
    const by = `${question.sort}: ${answer.code ?? 'warning'}`;
    if (names(answer.said, flip.key) && !names(clean.said, flip.key)) {
      named ??= { by, says: lineWith(answer.said, flip.key) };
    } else if (answer.value !== clean.value) {
      const says = `${question.name}: ${answer.value === undefined ? answer.said : `other than without the flip: ${difference(clean.value ?? '', answer.value)}`}`;
      // A refusal may leave it to `cardea audit` to say which object it is; then that has to.
      const deferred = answer.value === undefined && answer.said.includes('cardea audit');
      if (question.shows !== true && !deferred) return { ...flip, kind, end: 'WRONG', by, says };
      changed ??= { by, says };
    }
  }
  if (named !== undefined) return { ...flip, kind, end: 'named', ...named };
  if (changed !== undefined) return { ...flip, kind, end: 'WRONG', ...changed };
  return { ...flip, kind, end: 'same', by: '', says: concerned.map(({ question }) => question.name).join(', ') };
}

/**
 * The questions for which Cardea read the object, or the tool itself did. Questions of a sort treat a file of the backup alike, so one of
 * each is asked of it, by seed.
 */
function concernedBy(known: readonly Known[], { key }: Flip, seed: number): readonly Known[] {
  const all = known.filter(({ read, carried }) => read.has(key) || (isTools(key) && carried.has(key)));
  if (!isDataFile(key)) return all;
  const random = randomOf('flipped-bits', 'questions', String(seed));
  return [...Map.groupBy(all, ({ question }) => question.sort).values()].map((alike) => random.pick(alike));
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

/** By seed: each kind in turn, then an object of it, then a bit of that. An object without content has no bit to flip. */
export function flipOf(objects: Objects, seed: number): Flip {
  const random = randomOf('flipped-bits', String(seed));
  const kinds = Map.groupBy(
    [...objects].filter(([, body]) => body.length > 0),
    ([key]) => kindOf(key),
  );
  const names = [...kinds.keys()].sort();
  const [key, body] = random.pick(kinds.get(names[seed % names.length] ?? '') ?? []);
  return { key, bit: random.below(body.length * 8) };
}

/** Kind by kind: how many flips, who named how many, why the others change nothing. */
export function tableOf(ends: readonly FlipEnd[]): string {
  const rows = [...Map.groupBy(ends, ({ kind }) => kind)]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([kind, all]) => rowOf(kind, all));
  return [
    '| kind | flips | named | by | not read | read, and all as before | wrong |',
    '|---|---|---|---|---|---|---|',
    ...rows,
    rowOf('all', ends, false),
  ].join('\n');
}

function rowOf(kind: string, all: readonly FlipEnd[], withNames = true): string {
  const count = (end: FlipEnd['end']) => all.filter((each) => each.end === end).length;
  const by = [
    ...Map.groupBy(
      all.filter(({ end }) => end === 'named'),
      (each) => each.by,
    ),
  ]
    .sort(([, a], [, b]) => b.length - a.length)
    .map(([name, { length }]) => `${name} (${length})`);
  const cells = [
    kind,
    all.length,
    count('named'),
    withNames ? by.join('; ') : '',
    count('unread'),
    count('same'),
    count('WRONG'),
  ];
  return `| ${cells.join(' | ')} |`;
}
