import { runEventDocument } from '../../src/journal/event.ts';
import { displacedName } from '../../src/model/displaced-name.ts';
import { instantOf } from '../../src/model/instant.ts';
import { inventoryDocument, restorePointDocument, restorePointKey } from '../../src/model/restore-point.ts';
import { type RestoreRecord, restoreRecordDocument } from '../../src/model/restore-record.ts';
import { type Timeline, timelineDocument } from '../../src/model/timeline.ts';
import type { BackupContents } from '../../src/ports/backup-tool.ts';
import { type Cell, nameOfCell } from './ring-cells.ts';
import type { DiskChange } from './memory-files.ts';
import type { MemoryStore } from './memory-store.ts';
import type { SimulatedRing } from './simulated-platform.ts';
import { directories } from './simulated-ring.ts';

interface Written {
  readonly name: string;
  readonly at: number;
  readonly timeline: string;
  shipped: boolean;
}

const recordKey = /^restores\/([^/]+)\.json$/;

/** Knows what was written and what must be there, and looks on while a history is played. */
export class RecoveryOracle {
  /** One line for each thing that must not be. */
  readonly wrong: string[] = [];
  readonly #bucket: MemoryStore;
  ring: SimulatedRing | undefined;
  /** Objects that it reads were damaged: it says nothing any more. */
  blind = false;
  /** Nodes that had lost their roles before anything was done. */
  readonly withoutRoles = new Set<string>();
  #written: Written[] = [];
  /** What an environment held when its data went aside, by the name under which it lies there. */
  readonly #aside = new Map<string, ReturnType<SimulatedRing['content']> & { readonly index: string }>();
  /** What a timeline began with besides what its record says: writes that came back with a revert and are in no log. */
  readonly #unlogged = new Map<string, ReadonlySet<string>>();
  /** Written while a point was taken that was restored as it was: it came back on the nodes whose snapshots came later. */
  readonly #torn = new Set<string>();
  /** What a timeline lacks of what its record says: a point that was taken while applications wrote is no instant. */
  readonly #lost = new Map<string, ReadonlySet<string>>();
  readonly #copied = new Map<string, { readonly cells: ReadonlySet<string>; readonly torn: readonly string[] }>();

  constructor(bucket: MemoryStore) {
    this.#bucket = bucket;
  }

  copyTo(other: RecoveryOracle): void {
    other.#written = this.#written.map((each) => ({ ...each }));
  }

  /** Acknowledged. */
  wrote(cell: Cell): void {
    if (this.blind) return;
    const timeline = this.#timelines().at(-1)?.id ?? 't0001';
    this.#written.push({ name: nameOfCell(cell), at: cell.at, timeline, shipped: false });
  }

  shipped(cells: readonly Cell[]): void {
    const names = new Set(cells.map(nameOfCell));
    for (const each of this.#written) if (names.has(each.name)) each.shipped = true;
  }

  get lastWrite(): Written | undefined {
    return this.#written.findLast(({ shipped }) => shipped);
  }

  copyIs(run: string, content: ReturnType<SimulatedRing['content']>): void {
    this.#copied.set(run, content);
  }

  /** After a put. */
  stored(key: string, before: Uint8Array | undefined): void {
    if (!recordKey.test(key) || this.ring === undefined || this.blind) return;
    const record = this.#record(key);
    const was = before === undefined ? undefined : restoreRecordDocument.read(before, key).state;
    if (was === undefined && record.run.startsWith('restore-')) this.#keep(record.aside);
    if (record.state === 'reverting' && was === 'open') this.#keep(displacedName(record.aside));
    if (record.state === 'accepting' && was === 'open') {
      for (const node of this.ring.nodes) {
        const marker = node.disk.read(`${directories.aside}/${record.aside}/aside.json`);
        if (marker === undefined || (JSON.parse(marker) as { phase: string }).phase !== 'kept') {
          this.wrong.push(`${record.run} is being accepted, and ${node.name} does not keep its old data whole`);
        }
      }
      if (this.#ended(record.run) !== 'run-succeeded') this.wrong.push(`${record.run} is accepted before its end`);
    }
  }

  /** Before an agent changes something on its disk. */
  changes(node: string, { what, path }: DiskChange): void {
    const prefix = `${directories.aside}/`;
    if (what !== 'remove' || !path.startsWith(prefix) || this.ring === undefined || this.blind) return;
    const name = path.slice(prefix.length).split('/')[0] ?? '';
    if (/^(((log|roles)-)?stag|log-extension)/.test(name) || /^(placement|logs|staged)\.json$/.test(name)) return;
    const disk = this.ring.nodes.find((each) => each.name === node)?.disk;
    const going = [...(disk?.below(path).keys() ?? [])].filter((file) => !file.endsWith('aside.json'));
    if (going.length === 0) return;
    const record = this.#records().find(({ aside }) => aside === name);
    if (record?.state !== 'accepting') this.wrong.push(`${node} deletes ${path}, which nobody has accepted`);
  }

  /** After a command said that its run succeeded. */
  succeeded(run: string): void {
    if (this.blind) return;
    const started = this.#begun(run);
    if (this.ring === undefined || started === undefined) return;
    const { params } = started;
    switch (started.runbook) {
      case 'restore':
        this.#restored(run, params);
        break;
      case 'revert':
        this.#reverted(run, String(params['restore']));
        break;
      case 'backup':
        this.#backedUp(run);
        break;
      case 'rehearse':
      case 'restore-into': {
        const copy = this.#copied.get(run);
        if (copy !== undefined) this.#expect(`the copy of ${run}`, copy, this.#target(params));
        break;
      }
    }
  }

  hasSucceeded(run: string): boolean {
    return this.#ended(run) === 'run-succeeded';
  }

  /** What the environment holds at the end is what its timeline says. */
  settled(): void {
    const { ring } = this;
    if (ring === undefined) return;
    const down = ring.nodes.filter(({ up }) => !up).map(({ name }) => name);
    if (down.length > 0) this.wrong.push(`${down.join(', ')} are down`);
    if (!ring.graph.up) this.wrong.push('the graph is down');
    const strangers = ring.nodes.filter(({ isItself }) => !isItself).map(({ name }) => name);
    if (strangers.length > 0) this.wrong.push(`${strangers.join(', ')} came up as new, empty nodes`);
    const timeline = this.#timelines().at(-1)?.id ?? 't0001';
    this.#expect(`at the end, on ${timeline}, the ring`, ring.content('edgestore'), this.#stateOf(timeline));
    if (ring.doubled) this.wrong.push('ids were given out twice');
  }

  /** Everything that shows whether something has changed. */
  print(): string {
    const { ring } = this;
    if (ring === undefined) return '';
    const nodes = ring.nodes.map((node) => ({
      up: node.up,
      cells: [...node.cells().keys()].filter((name) => name.startsWith('edgestore')).sort(),
      aside: node.disk
        .names(directories.aside)
        .filter((name) => node.disk.read(`${directories.aside}/${name}/aside.json`)),
    }));
    const records = this.#records().map(({ run, state }) => `${run} ${state}`);
    return JSON.stringify([nodes, ring.graph.up, ring.graph.index, records, this.#timelines().map(({ id }) => id)]);
  }

  /** Content of a point by its files in the bucket. */
  pointHolds(id: string): ReadonlySet<string> {
    const stored = this.#bucket.objects.get(restorePointKey(id));
    const cells = new Set<string>();
    if (stored === undefined) return cells;
    for (const { node, inventory } of restorePointDocument.read(stored, id).nodes) {
      const body = this.#bucket.objects.get(inventory);
      const manifest = this.#bucket.objects.get(`medusa/${node}/${id}/meta/manifest.json`);
      if (body === undefined || manifest === undefined) continue;
      const files = (JSON.parse(Buffer.from(manifest).toString()) as BackupContents).files;
      for (const { keyspace, table, files: wanted } of inventoryDocument.read(body, inventory).tables) {
        for (const { path } of wanted) {
          const key = files.find(
            (each) => each.keyspace === keyspace && each.table === table && each.path === path,
          )?.key;
          if (!table.startsWith('edgestore') || key === undefined) continue;
          for (const cell of JSON.parse(this.#bucket.text(key)) as Cell[]) cells.add(nameOfCell(cell));
        }
      }
    }
    return cells;
  }

  #restored(run: string, params: Readonly<Record<string, unknown>>): void {
    const { ring } = this;
    const opened = this.#timelines().find((each) => each.run === run);
    if (ring === undefined) return;
    if (opened?.parent === undefined) {
      this.wrong.push(`${run} succeeded without a timeline`);
      return;
    }
    const turnedBack = ring.nodes.filter((node) => !node.hasNewRoles && !this.withoutRoles.has(node.name));
    for (const { name } of turnedBack) this.wrong.push(`${run} brought old passwords back on ${name}`);
    const since = this.#on(opened.id);
    const content = ring.content('edgestore');
    if (params['logs'] === undefined) this.#noteMixture(opened, String(params['point']), content);
    this.#expect(`${run} by the tree`, content, this.#stateOf(opened.id));
    const { toEnd, logs } = params as {
      toEnd?: boolean;
      logs?: { instant: string; timeline: string; exclusions?: readonly string[] };
    };
    const wanted =
      toEnd === true && logs !== undefined
        ? this.#target({ ...params, logs: { ...logs, instant: opened.parent.forkedAt } })
        : this.#target(params);
    this.#expect(`${run} by what was asked`, content, new Set([...wanted, ...since]));
    // `--to newest` goes as far as the window does, and says what it leaves behind; an undo must lose nothing.
    if (toEnd !== true || logs?.exclusions === undefined || logs.exclusions.length === 0) return;
    const fork = instantOf(opened.parent.forkedAt);
    const later = this.#written.filter((each) => each.timeline === logs.timeline && each.shipped && each.at > fork + 1);
    if (later.length > 0) this.wrong.push(`${run} was to go to the end of the log and left out ${later.length} writes`);
  }

  /** A point that was taken while applications wrote is no instant: of what they wrote meanwhile it holds some. */
  #noteMixture(
    { id, parent }: Timeline,
    point: string,
    { cells: held, torn }: ReturnType<SimulatedRing['content']>,
  ): void {
    const { snapshot } = restorePointDocument.read(this.#bucket.text(restorePointKey(point)), point);
    const from = instantOf(snapshot?.from ?? parent?.forkedAt ?? '');
    const meanwhile = this.#written.filter(({ at, timeline }) => at >= from && timeline === parent?.id);
    for (const { name } of meanwhile) if (torn.includes(name)) this.#torn.add(name);
    this.#lost.set(id, new Set(meanwhile.flatMap(({ name }) => (held.has(name) ? [] : [name]))));
    this.#unlogged.set(id, new Set(meanwhile.flatMap(({ name }) => (held.has(name) ? [name] : []))));
  }

  /** A restore that failed after all its data was in place is no different when a person goes back to what it had brought. */
  #noteFailedMixture(id: string | undefined, kept: ReturnType<SimulatedRing['content']>): void {
    const timeline = this.#timelines().find((each) => each.id === id);
    const started = timeline?.run === undefined ? undefined : this.#begun(timeline.run);
    if (timeline === undefined || started?.runbook !== 'restore' || this.#lost.has(timeline.id)) return;
    if (started.params['logs'] === undefined) this.#noteMixture(timeline, String(started.params['point']), kept);
  }

  #begun(run: string): { readonly runbook: string; readonly params: Readonly<Record<string, unknown>> } | undefined {
    const key = `runs/${run}/000001.json`;
    const first = this.#bucket.objects.get(key);
    const event = first === undefined ? undefined : runEventDocument.read(first, key).event;
    if (event?.type !== 'run-started') return undefined;
    return { runbook: event.runbook, params: event.params as Readonly<Record<string, unknown>> };
  }

  #reverted(run: string, restore: string): void {
    const { ring } = this;
    const record = this.#records().find((each) => each.run === restore);
    const opened = this.#timelines().find((each) => each.run === run);
    const kept = record === undefined ? undefined : this.#aside.get(record.aside);
    if (ring === undefined || kept === undefined || opened === undefined) {
      this.wrong.push(`${run} succeeded, and nobody knows what it brought back`);
      return;
    }
    const content = ring.content('edgestore');
    // One that failed when the graph served again has brought the same data back: what was written on it since stays.
    const earlier = this.#timelines().filter((each) => each.run !== run && this.#reverts(each.run, restore));
    const back = new Set([...kept.cells, ...earlier.flatMap(({ id }) => this.#on(id))]);
    this.#expect(run, content, new Set([...back, ...this.#on(opened.id)]));
    if (ring.graph.index !== kept.index)
      this.wrong.push(`${run} brought the index ${ring.graph.index} back, not ${kept.index}`);
    this.#noteFailedMixture(opened.parent?.id, kept);
    const claimed = this.#begin(opened);
    const missing = [...claimed].filter((name) => !back.has(name));
    if (missing.length > 0)
      this.wrong.push(`${opened.id} of ${run} claims ${missing.length} writes that are not there`);
    this.#unlogged.set(opened.id, new Set([...back].filter((name) => !claimed.has(name))));
  }

  #reverts(run: string | undefined, restore: string): boolean {
    const started = run === undefined ? undefined : this.#begun(run);
    return started?.runbook === 'revert' && started.params['restore'] === restore;
  }

  #backedUp(run: string): void {
    const id = run.slice(0, 'backup-YYYYMMDD-HHMMSS'.length);
    const stored = this.#bucket.objects.get(restorePointKey(id));
    if (stored === undefined || this.ring === undefined) {
      this.wrong.push(`${run} succeeded without a point`);
      return;
    }
    const { snapshot, timeline } = restorePointDocument.read(stored, id);
    const from = instantOf(snapshot?.from ?? '1970-01-01T00:00:00.000000Z');
    const held = this.pointHolds(id);
    // What the ring held is never older than its timeline.
    const opened = this.#timelines().find((each) => each.id === timeline)?.openedAt;
    const before = Math.max(from - 1, opened === undefined ? 0 : instantOf(opened));
    const missing = [...this.#stateOf(timeline, before)].filter((name) => !held.has(name));
    if (missing.length > 0) this.wrong.push(`${id} lacks ${missing.length} writes of before its snapshot`);
    const foreign = [...held].filter((name) => !this.#stateOf(timeline).has(name));
    if (foreign.length > 0)
      this.wrong.push(`${id} holds ${foreign.length} writes that its timeline ${timeline} has not`);
  }

  /** What a restore or a copy was to come to. */
  #target(params: Readonly<Record<string, unknown>>): ReadonlySet<string> {
    const { point, logs } = params as {
      point: string;
      logs?: { instant: string; timeline: string; exclusions?: readonly string[] };
    };
    if (logs === undefined) return this.pointHolds(point);
    return this.#without(this.#stateOf(logs.timeline, instantOf(logs.instant)), logs.exclusions ?? []);
  }

  #keep(aside: string): void {
    if (this.#aside.has(aside) || this.ring === undefined) return;
    this.#aside.set(aside, { ...this.ring.content('edgestore'), index: this.ring.graph.index });
  }

  #expect(
    what: string,
    { cells, torn }: { readonly cells: ReadonlySet<string>; readonly torn: readonly string[] },
    wanted: ReadonlySet<string>,
  ): void {
    const missing = [...wanted].filter((name) => !cells.has(name));
    const foreign = [...cells].filter((name) => !wanted.has(name));
    if (missing.length > 0) this.wrong.push(`${what} lacks ${missing.map(textOf).join(', ')}`);
    if (foreign.length > 0) this.wrong.push(`${what} holds ${foreign.map(textOf).join(', ')}, which it must not`);
    const tornHere = torn.filter((name) => !this.#torn.has(name));
    if (tornHere.length > 0) this.wrong.push(`${what} lacks ${tornHere.map(textOf).join(', ')} on some replicas`);
  }

  /** What the timeline holds of what was committed up to an instant. */
  #stateOf(id: string, until = Number.MAX_SAFE_INTEGER): Set<string> {
    const timeline = this.#timelines().find((each) => each.id === id);
    const state = timeline === undefined ? new Set<string>() : this.#begin(timeline, until);
    // Before the timeline was opened there is only what its parent was.
    const isOpen = timeline !== undefined && until >= instantOf(timeline.openedAt);
    for (const name of isOpen ? (this.#lost.get(id) ?? []) : []) state.delete(name);
    for (const name of isOpen ? (this.#unlogged.get(id) ?? []) : []) state.add(name);
    // An instant names a commit slot: the even microsecond and the odd one after it.
    const last = until % 2 === 0 ? until + 1 : until;
    // Of the odd one, what was acknowledged after the instant is in no log where nobody shipped it any more.
    for (const each of this.#written) {
      if (each.timeline === id && (each.at <= until || (each.at <= last && each.shipped))) state.add(each.name);
    }
    return state;
  }

  /** An instant before the fork is one of the parent's. */
  #begin({ parent, exclusions }: Timeline, until = Number.MAX_SAFE_INTEGER): Set<string> {
    if (parent === undefined) return new Set();
    return this.#without(this.#stateOf(parent.id, Math.min(instantOf(parent.forkedAt), until)), exclusions);
  }

  #without(state: Set<string>, exclusions: readonly string[]): Set<string> {
    const slots = new Set(exclusions.map((each) => instantOf(each) as number));
    for (const { name, at } of this.#written) if (slots.has(at) || slots.has(at - 1)) state.delete(name);
    return state;
  }

  #on(timeline: string): readonly string[] {
    return this.#written.filter((each) => each.timeline === timeline).map(({ name }) => name);
  }

  #timelines(): readonly Timeline[] {
    return this.#keys('timelines/').map((key) => timelineDocument.read(this.#bucket.text(key), key));
  }

  #records(): readonly RestoreRecord[] {
    return this.#keys('restores/')
      .filter((key) => recordKey.test(key))
      .map((key) => this.#record(key));
  }

  #record(key: string): RestoreRecord {
    return restoreRecordDocument.read(this.#bucket.text(key), key);
  }

  /** How the journal of a run ends. */
  #ended(run: string): string | undefined {
    const last = this.#keys(`runs/${run}/`).findLast((key) => /\/\d+\.json$/.test(key));
    return last === undefined ? undefined : runEventDocument.read(this.#bucket.text(last), last).event.type;
  }

  #keys(prefix: string): readonly string[] {
    return [...this.#bucket.objects.keys()].filter((key) => key.startsWith(prefix)).sort();
  }
}

/** `w0012`: the key of a write, for people. */
function textOf(name: string): string {
  return Buffer.from(name.split(' ')[1] ?? '', 'hex').toString();
}
