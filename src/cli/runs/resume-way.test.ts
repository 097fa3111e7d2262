import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DirectoryStore } from '../../adapters/directory/directory-store.ts';
import { fileAuditSigner } from '../../adapters/system/audit-key.ts';
import { systemClock } from '../../adapters/system/clock.ts';
import { systemIds } from '../../adapters/system/ids.ts';
import { auditTrail } from '../../journal/audit-chain.ts';
import { type RunEvent, type RunEventBody, runEventDocument } from '../../journal/event.ts';
import { eventKey, noHash } from '../../journal/event-file.ts';
import { signEvent } from '../../journal/event-signature.ts';
import { configSchema } from '../../model/config.ts';
import { runId } from '../../model/identifiers.ts';
import { restoreRecordDocument, restoreRecordKey } from '../../model/restore-record.ts';
import { sha256 } from '../../model/sha256.ts';
import type { AuditSigner } from '../../ports/audit-signer.ts';
import type { Platform } from '../../ports/platform.ts';
import { planOf } from '../../runbook/plan.ts';
import { revertRunbook } from '../../runbooks/index.ts';
import { action as audit } from '../commands/audit/action.ts';
import { action as runResume } from '../commands/run-resume/action.ts';
import { action as runShow } from '../commands/run-show/action.ts';
import { statusOf } from '../commands/status/collect.ts';
import type { CliContext } from '../context.ts';
import { noPaint } from '../terminal/output.ts';

const restore = runId.parse('restore-20260219-031500-k3f9');
const revert = 'revert-20260219-041500-k3f9';

let folder: string;
let bucket: DirectoryStore;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cardea-resume-way-'));
  bucket = new DirectoryStore(join(folder, 'bucket'));
});
afterEach(async () => {
  await bucket.close();
  await rm(folder, { recursive: true });
});

function context(operatorKeys: readonly string[] = [], flags: Partial<CliContext['flags']> = {}): CliContext {
  const config = configSchema.parse({ name: 'bank', environments: { prod: { platform: { kind: 'sandbox' } } } });
  const [prod] = Object.values(config.environments);
  if (prod === undefined) throw new TypeError('the configuration has no environment');
  const { signal } = new AbortController();
  const nowhere = () => {};
  return {
    flags: { config: undefined, json: false, plan: false, quiet: true, color: false, ...flags },
    output: {
      live: false,
      columns: 100,
      paint: noPaint,
      paintNote: noPaint,
      line: nowhere,
      note: nowhere,
      warn: nowhere,
    },
    interrupt: { signal, requested: false, say: nowhere },
    signal,
    actor: { name: 'ana', via: 'cli', host: 'ops1' },
    version: '0.0.0',
    clock: systemClock,
    ids: systemIds,
    config: async () => ({ file: join(folder, 'cardea.config.ts'), directory: folder, config }),
    environment: async () => ({
      name: 'prod',
      config: prod,
      auditKey: join(folder, 'keys', 'audit.key'),
      operatorKeys,
    }),
    platform: async () =>
      ({ environment: 'prod', bucket, nodes: [], database: { ring: async () => [] } }) as unknown as Platform,
    onEnd: nowhere,
  };
}

/** The journal of a revert that stopped in the middle, as whoever holds the key, or nobody, wrote it. */
async function leaveRevert(
  signer: AuditSigner | undefined,
  environment = 'prod',
  more: readonly RunEventBody[] = [],
): Promise<void> {
  const params = { restore, newBase: false };
  const bodies: RunEventBody[] = [
    {
      type: 'run-started',
      runbook: 'revert',
      runbookVersion: revertRunbook.version,
      environment,
      params,
      planHash: planOf(revertRunbook, revertRunbook.params.parse(params), environment).hash,
      actor: { name: 'ben', via: 'cli', host: 'elsewhere' },
      holder: { host: 'elsewhere', machine: 'elsewhere', pid: 1, started: '1' },
      leased: true,
      confirmed: environment,
    },
    { type: 'step-started', step: 'check-restore', attempt: 1 },
    ...more,
  ];
  let previous = noHash;
  for (const [index, event] of bodies.entries()) {
    const at = '2026-02-19T04:15:00.000Z';
    const sequence = index + 1;
    const unsigned: RunEvent = { kind: 'run-event', version: 1, run: revert, sequence, previous, at, epoch: 1, event };
    const text = runEventDocument.write(signEvent(unsigned, signer));
    await bucket.put(eventKey(revert, sequence), text);
    previous = sha256(text);
  }
  if (signer === undefined) return;
  const actor = { name: 'ben', via: 'cli' as const, host: 'elsewhere' };
  const trail = auditTrail({ store: bucket, clock: systemClock, actor, signer });
  await trail.record({ what: 'started', run: revert, events: bodies.length, head: previous });
}

async function leaveRecord(): Promise<void> {
  const record = restoreRecordDocument.write({
    run: restore,
    environment: 'prod',
    point: 'backup-20260219-020000',
    aside: restore,
    startedAt: '2026-02-19T03:15:00.000Z',
    state: 'reverting',
    deciding: revert,
  });
  await bucket.put(restoreRecordKey(restore), record);
}

const confirming = `cardea run resume ${revert} --confirm prod`;
const shown = async (of: CliContext) => (await runShow(of, { id: revert, env: undefined, follow: false })).text;
const resumed = async (of: CliContext, confirm?: string) => runResume(of, { id: revert, env: undefined, confirm });
const signals = async (of: CliContext, name: string) =>
  (await statusOf(of, 'prod')).signals.filter((signal) => signal.name === name);

test('status, run show and the refused resume name the same command for a journal that nobody vouches for', async () => {
  await leaveRevert(undefined);
  expect(await signals(context(), 'runs')).toMatchObject([
    { says: expect.stringContaining('this machine cannot vouch for its journal'), next: confirming },
  ]);
  expect(await shown(context())).toContain(`Continue it with: ${confirming}`);
  await expect(resumed(context())).rejects.toMatchObject({ kind: 'refused', code: 'not-confirmed', next: confirming });
  expect((await audit(context(), { env: 'prod' })).text).toContain(`cardea run show ${revert}`);

  await leaveRecord();
  const [decision] = await signals(context(), 'decisions');
  expect(decision).toMatchObject({ next: confirming });
  expect(decision?.says).toContain('this machine cannot vouch for its journal');
  expect(await shown(context())).toContain(`Next: ${confirming}`);
});

test('a run of another machine is carried on by itself where the configuration trusts its key', async () => {
  const elsewhere = await fileAuditSigner(join(folder, 'elsewhere', 'audit.key'), 'prod');
  await leaveRevert(elsewhere);
  expect(await shown(context())).toContain(confirming);
  const trusting = context([elsewhere.publicKey]);
  expect(await signals(trusting, 'runs')).toMatchObject([{ next: `cardea run resume ${revert}` }]);
  expect(await shown(trusting)).toMatch(new RegExp(`Continue it with: cardea run resume ${revert}$`));
  expect((await audit(context(), { env: 'prod' })).text).toContain('unknown key');
  expect((await audit(trusting, { env: 'prod' })).text).toContain('intact');
});

test('--plan of a resume shows the steps, how far the journal says it came, and the command; it changes nothing', async () => {
  await leaveRevert(undefined);
  const { text, json } = await runResume(context([], { plan: true }), {
    id: revert,
    env: undefined,
    confirm: undefined,
  });
  expect(text).toMatch(/bring-back +DESTROY/);
  expect(text).toContain('So far, by its journal: check-restore running.');
  expect(text).toContain(`Next: ${confirming}`);
  expect(json).toMatchObject({ runbook: 'revert', run: revert, next: confirming });
  expect((await Array.fromAsync(bucket.list('runs/'))).length).toBe(2);
});

test('a journal that was copied here from the bucket of another environment is not carried out over there', async () => {
  await leaveRevert(undefined, 'staging');
  await expect(resumed(context(), 'prod')).rejects.toMatchObject({ kind: 'refused', code: 'other-environment' });
  await expect(resumed(context(), 'staging')).rejects.toMatchObject({ kind: 'refused', code: 'other-environment' });
});

test('status, run show and the plan of the resume say that it ends a run whose cancel was asked for', async () => {
  await leaveRevert(undefined, 'prod', [
    { type: 'cancel-requested', actor: { name: 'ben', via: 'cli', host: 'elsewhere' } },
  ]);
  const [said] = await signals(context(), 'runs');
  expect(said?.says).toContain('its cancel was asked for, and the command ends it as cancelled');
  expect(await shown(context())).toContain(`Its cancel was asked for. End it as cancelled with: ${confirming}`);
  const { text } = await runResume(context([], { plan: true }), { id: revert, env: undefined, confirm: undefined });
  expect(text).toContain(`The cancel of ${revert} was asked for: a resume ends it as cancelled.`);
});
