import { z } from 'zod';
import type { AsideMarker } from '../../model/aside-markers.ts';
import { isDiskFull } from '../../model/disk-full.ts';
import { documentType } from '../../model/document.ts';
import { displacedName } from '../../model/displaced-name.ts';
import { Problem } from '../../model/problem.ts';
import type { NodeFiles } from '../../ports/node-files.ts';
import type { NodeDirectories } from '../node-parts.ts';

const moves = z.array(
  z.object({
    /** Folder's name in the aside directory. */
    name: z.string(),
    live: z.string(),
    /** False if the live directory did not exist when it was set aside (a wiped disk). */
    existed: z.boolean(),
  }),
);
export type AsideMoves = z.infer<typeof moves>;

/**
 * `<aside>/<run>/aside.json`, written before anything is moved. `setting-aside`: some directories may still be live. `kept`: all moved.
 * `accepting`: being deleted. `reverting`: some are live again. The name of the file says more than its text (`names` below).
 */
export const asideDocument = documentType('aside', 1, {
  run: z.string(),
  phase: z.enum(['setting-aside', 'kept', 'accepting', 'reverting']),
  moves,
  bytes: z.number().int().nonnegative(),
  /**
   * Of what a revert has displaced: whether a server of the graph may have run on it. Absent where nobody has said it; of what a restore moved
   * aside it is not asked.
   */
  whole: z.boolean().optional(),
});
type AsideText = Omit<z.infer<typeof asideDocument.schema>, 'kind' | 'version'>;

/** A marker as it stands. */
export interface Aside extends AsideText {
  /** Undefined where it is lost, and only what was moved is there. */
  readonly file: string | undefined;
  /** It was reverted while it was still being set aside: what is not in the folder stayed live. */
  readonly partly: boolean;
}

export function asideFolder(directories: Pick<NodeDirectories, 'aside'>, run: string): string {
  return `${directories.aside}/${run}`;
}

/** As long as the text is right. One that an older agent wrote may say any phase. */
const byItsText: AsideMarker = 'aside.json';
const settingAside: AsideMarker = 'setting-aside.json';
/** Without a byte, for where there is no room: nothing was moved here. */
const empty: AsideMarker = 'empty-aside.json';
/** A marker goes on by its name alone, because a full disk has no room for another text, and must be freed by an accept or a revert. */
const names: ReadonlyArray<{ readonly file: AsideMarker; readonly phase?: Aside['phase']; readonly partly?: true }> = [
  { file: 'accepting.json', phase: 'accepting' },
  { file: 'reverting-aside.json', phase: 'reverting' },
  { file: 'reverting-setting-aside.json', phase: 'reverting', partly: true },
  { file: settingAside, phase: 'setting-aside' },
  { file: byItsText },
  { file: empty },
];

/** Undefined where the folder has neither a marker nor a directory that was moved. */
export async function findAside(
  files: NodeFiles,
  directories: NodeDirectories,
  folder: string,
): Promise<Aside | undefined> {
  for (const { file, phase, partly = false } of names) {
    const text = await files.read(`${folder}/${file}`);
    if (text === undefined) continue;
    const said = await readAside(files, directories, { folder, file, text });
    return { ...said, phase: phase ?? said.phase, file, partly };
  }
  const places = await asideByPlaces(files, directories, { folder });
  if (!places.moves.some(({ existed }) => existed)) return undefined;
  // They are moved in their order. A last one that is not there may still be live.
  const phase = places.moves.at(-1)?.existed === true ? 'kept' : 'setting-aside';
  return { ...places, phase, file: undefined, partly: false };
}

/**
 * Where the text cannot be read, or there is none, its file's name and the places of the directories say the same: they
 * are moved whole.
 */
async function readAside(
  files: NodeFiles,
  directories: NodeDirectories,
  { folder, file, text }: { readonly folder: string; readonly file: AsideMarker; readonly text: string },
): Promise<AsideText> {
  try {
    return asideDocument.read(text, `${folder}/${file}`);
  } catch (thrown) {
    if (!(thrown instanceof Problem) || thrown.code !== 'bad-document') throw thrown;
    const places = await asideByPlaces(files, directories, { folder, file });
    // As where there was no room for a text, because nothing was moved.
    return text === '' && !places.moves.some(({ existed }) => existed) ? nothing(folder) : places;
  }
}

async function asideByPlaces(
  files: NodeFiles,
  directories: NodeDirectories,
  { folder, file }: { readonly folder: string; readonly file?: AsideMarker },
): Promise<AsideText> {
  const live = await movesOf(files, directories);
  const found = await Promise.all(
    live.map(async ({ existed, ...each }) => {
      const isAside = (await files.entries(`${folder}/${each.name}`)) !== undefined;
      // What is being set aside may not have been moved yet.
      return { ...each, existed: isAside || (existed && file === settingAside) };
    }),
  );
  return { ...nothing(folder), moves: found };
}

/** From here on it is so, without a byte. */
export async function markAside(
  files: NodeFiles,
  folder: string,
  aside: Aside,
  as: 'accepting' | 'reverting',
): Promise<Aside> {
  const partly = as === 'reverting' && aside.phase === 'setting-aside';
  const file = names.find((name) => name.phase === as && (name.partly ?? false) === partly)?.file ?? byItsText;
  if (aside.file === undefined) await writeLost(files, folder, aside, file);
  else await files.rename(`${folder}/${aside.file}`, `${folder}/${file}`);
  return { ...aside, phase: as, file, partly };
}

/** Before anything is moved. When all is, `keepAside` needs no room any more. */
export async function beginAside(
  files: NodeFiles,
  folder: string,
  { run, moves: begun }: Pick<Aside, 'run' | 'moves'>,
): Promise<Aside> {
  const text: AsideText = { run, phase: 'kept', moves: begun, bytes: 0 };
  await files.writeWhole(`${folder}/${settingAside}`, asideDocument.write(text));
  return { ...text, phase: 'setting-aside', file: settingAside, partly: false };
}

/** Where there is no room for its text, its name and the places of the directories say the same. */
async function writeLost(files: NodeFiles, folder: string, { run, moves: all, bytes }: Aside, file: AsideMarker) {
  const text = asideDocument.write({ run, phase: 'kept', moves: all, bytes });
  if (!(await ifRoom(async () => files.writeWhole(`${folder}/${file}`, text)))) {
    await files.writeWhole(`${folder}/${file}`, '');
  }
}

/** All is moved. How much it is, is left out where there is no room to write it; then it is counted when it is asked. */
export async function keepAside(
  files: NodeFiles,
  folder: string,
  aside: Aside,
  { bytes, whole }: { readonly bytes: number; readonly whole?: boolean | undefined },
): Promise<void> {
  const said = whole === undefined ? {} : { whole };
  const text: AsideText = { run: aside.run, phase: 'kept', moves: aside.moves, bytes, ...said };
  const write = async () => files.writeWhole(`${folder}/${byItsText}`, asideDocument.write(text));
  if (aside.file === undefined) return writeLost(files, folder, { ...aside, bytes }, byItsText);
  if (aside.file !== settingAside) return write();
  await files.rename(`${folder}/${settingAside}`, `${folder}/${byItsText}`);
  await ifRoom(write);
}

/** Nothing was displaced here; the marker lets it be accepted or reverted on every node alike. */
export async function keepNothing(files: NodeFiles, directories: NodeDirectories, run: string): Promise<void> {
  const folder = asideFolder(directories, run);
  await files.makeDirectory(folder, directories.aside);
  const written = await ifRoom(async () =>
    files.writeWhole(`${folder}/${byItsText}`, asideDocument.write(nothing(folder))),
  );
  if (!written) await files.writeWhole(`${folder}/${empty}`, '');
}

function nothing(folder: string): AsideText {
  return { run: folder.slice(folder.lastIndexOf('/') + 1), phase: 'kept', moves: [], bytes: 0 };
}

/**
 * What a revert will need: the folder for what it displaces, with a marker. It is made while there is room, because the revert may be what a
 * full disk needs.
 */
export async function prepareDisplaced(files: NodeFiles, directories: NodeDirectories, run: string): Promise<void> {
  const folder = displacedFolder(directories, run);
  if ((await files.read(`${folder}/${settingAside}`)) !== undefined) return;
  await files.makeDirectory(folder, asideFolder(directories, run));
  // Every directory will be there: what moves them aside makes them anew.
  const all = (await movesOf(files, directories)).map((each) => ({ ...each, existed: true }));
  await beginAside(files, folder, { run: displacedName(run), moves: all });
}

/** The beginning of a revert: the folder of what it displaces, and its marker. */
export async function beginDisplaced(files: NodeFiles, directories: NodeDirectories, run: string): Promise<void> {
  const [kept, folder] = [asideFolder(directories, run), asideFolder(directories, displacedName(run))];
  // A set-aside that broke off between moving a directory and making it anew.
  for (const { name, live, existed } of await movesOf(files, directories)) {
    if (!existed && (await files.entries(`${kept}/${name}`)) !== undefined) {
      await files.makeDirectory(live, `${kept}/${name}`);
    }
  }
  const now = await movesOf(files, directories);
  const prepared = displacedFolder(directories, run);
  const found = await findAside(files, directories, prepared);
  const isFree = ((await files.entries(folder)) ?? []).length === 0;
  if (isFree && found !== undefined && placesOf(found.moves) === placesOf(now)) return files.rename(prepared, folder);
  await files.makeDirectory(folder, kept);
  await beginAside(files, folder, { run: displacedName(run), moves: now });
}

function placesOf(all: AsideMoves): string {
  return JSON.stringify(all.map(({ name, live }) => [name, live]));
}

export function displacedFolder(directories: Pick<NodeDirectories, 'aside'>, run: string): string {
  return `${asideFolder(directories, run)}/displaced`;
}

/** For what can be left out where the disk is full: false when it was. */
export async function ifRoom(work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (thrown) {
    if (!isDiskFull(thrown)) throw thrown;
    return false;
  }
}

/** The directories that go aside together, and whether each is there. */
export async function movesOf(files: NodeFiles, directories: NodeDirectories): Promise<AsideMoves> {
  const live = [
    { name: 'data', live: directories.data },
    { name: 'commitlog', live: directories.commitlog },
    { name: 'hints', live: directories.hints },
    { name: 'saved_caches', live: directories.savedCaches },
  ];
  return Promise.all(live.map(async (each) => ({ ...each, existed: (await files.entries(each.live)) !== undefined })));
}
