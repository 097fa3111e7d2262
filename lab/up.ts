import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { FailedProblem, RefusedProblem } from '../src/model/problem.ts';
import type { ReportProgress } from '../src/model/progress.ts';
import { writeWhole } from '../src/host/write-whole.ts';
import { waitFor } from '../src/host/wait-for.ts';
import { withHostLock } from '../src/host/host-lock.ts';
import { claimNetwork } from '../src/host/loopback.ts';
import type { Go } from '../src/toolchain/go-toolchain.ts';
import { installS3Server } from '../src/toolchain/s3-server-build.ts';
import { ports } from './addresses.ts';
import { kubeconfig, makeCertificates } from './servers/certificates.ts';
import { systemPackages } from './building/debian.ts';
import { removeLab } from './down.ts';
import { installAddon, waitForWorkloads } from './engines/addon.ts';
import { labAddons } from './engines/addons.ts';
import { findEnclosure, startEnclosure } from './enclosure/enclosure.ts';
import { type LabFolders, labFolders, type LabPlaces, labPlaces } from './folders.ts';
import { findGo } from './building/go.ts';
import { importLayeredImage } from './images/image-import.ts';
import { importImages, labImages } from './images/images.ts';
import { type Lab, labOf } from './lab.ts';
import { waitForNode } from './node-ready.ts';
import { buildPart, isBuilt } from './building/part-build.ts';
import type { LayeredImage } from './images/layered-image.ts';
import { labParts } from './building/parts.ts';
import { builtPlatformImages } from './images/platform-images.ts';
import { type LabRecord, readLabRecord, writeLabRecord } from './record.ts';
import { labReport, type RunningLab } from './report.ts';
import { startServer } from './servers/server.ts';
import { labServers } from './servers/servers.ts';
import { systemVersions } from './building/system-versions.ts';

interface UpOptions {
  readonly progress: ReportProgress;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
  readonly now: () => Date;
}

/**
 * Builds what is missing and starts what does not run; killed at any moment, the next one goes on. With everything up it changes nothing.
 * Throws RefusedProblem `lab-held` when another checkout's lab runs, `busy` while another command changes it; FailedProblem `lab-not-up`.
 */
export async function bringUpLab(options: UpOptions): Promise<RunningLab> {
  options.signal.throwIfAborted();
  const folders = labFolders();
  const places = labPlaces(folders.home);
  await systemPackages(options);
  await buildParts(folders, options);
  const images = await builtPlatformImages({ ...options, checkout: folders.checkout, cache: folders.parts });
  const s3Server = await installS3Server(folders.toolchain, options);
  const lock = { purpose: 'lab up', withinMs: 10_000, signal: options.signal };
  return withHostLock(`${folders.home}.lock`, lock, async () => {
    const record = await ownRecord(folders, places, { now: options.now, s3Server });
    await makeCertificates(places, record.hostAddress);
    const server = `https://${record.hostAddress}:${ports.apiserver}`;
    if (!existsSync(places.kubeconfig)) writeWhole(places.kubeconfig, kubeconfig(places, 'admin', server), 0o600);
    const lab = labOf(places, record, await startEnclosure(places));
    await startAll(lab, images, options);
    if (!record.complete) writeLabRecord(places, { ...record, complete: true });
    return wholeLab(options.signal);
  });
}

/**
 * The lab once one look finds all of it running. What was ready a moment ago may not be now: a kubelet that was started anew calls pods unready until it
 * has asked them, and while a wait is for one engine another one may fall.
 */
async function wholeLab(signal: AbortSignal): Promise<RunningLab> {
  let last: RunningLab | undefined;
  const whole = async () => {
    const report = await labReport();
    last = report.state === 'down' ? undefined : report;
    return last?.state === 'up' ? last : undefined;
  };
  const found = await waitFor(whole, { withinMs: 120_000, everyMs: 250, signal });
  if (found !== undefined) return found;
  throw new FailedProblem({
    code: 'lab-not-up',
    happened: 'Every part of the lab was started, and in two minutes no look found all of it running.',
    state: 'What runs keeps running.',
    next: 'See what lacks with `cardea lab status`, which names the logs. Then run `cardea lab up` again.',
    details: (last?.engines ?? [])
      .filter(({ lacking }) => lacking.length > 0)
      .map(({ title, lacking }) => `${title} lacks ${lacking.join(', ')}`)
      .concat((last?.dead ?? []).flatMap(({ title, end }) => [`${title} ended by itself:`, ...end])),
  });
}

async function startAll(lab: Lab, images: readonly LayeredImage[], { say, signal }: UpOptions): Promise<void> {
  for (const server of labServers(lab)) {
    say(`starting ${server.title}`);
    await startServer(server, { places: lab.places, enclosure: lab.enclosure, signal });
  }
  signal.throwIfAborted();
  await importImages(lab, await labImages(), say);
  say('waiting for the node');
  await waitForNode(lab, signal);
  const addons = labAddons(lab.cache);
  for (const addon of addons) await installAddon(lab, addon, { say, signal });
  // The largest images, while the engines start.
  for (const image of images) {
    signal.throwIfAborted();
    await importLayeredImage(lab, image, say);
  }
  for (const addon of addons) {
    say(`waiting for ${addon.title}`);
    await waitForWorkloads(lab.kubectl, addon, { withinMs: 300_000, signal });
  }
}

async function buildParts({ parts: cache }: LabFolders, options: UpOptions): Promise<void> {
  let go: Promise<Go> | undefined;
  for (const part of labParts()) {
    if (isBuilt(cache, part)) continue;
    mkdirSync(cache, { recursive: true });
    const goOnce = () => (go ??= findGo({ ...options, cache }));
    await buildPart(part, { cache, go: goOnce, progress: options.progress, signal: options.signal });
  }
}

/** The record of this checkout's lab, made when there is none. A lab that does not run is nobody's. */
async function ownRecord(
  folders: LabFolders,
  places: LabPlaces,
  { now, s3Server }: { readonly now: () => Date; readonly s3Server: string },
): Promise<LabRecord> {
  const found = readLabRecord(places);
  if (found !== undefined && found.checkout === folders.checkout) return found;
  if (found !== undefined) {
    if (findEnclosure(places) !== undefined) throw held(found);
    await removeLab(folders);
  }
  mkdirSync(places.home, { recursive: true, mode: 0o700 });
  const network = await claimNetwork(folders.loopback, places.home, async () => true);
  const record = {
    checkout: folders.checkout,
    createdAt: now().toISOString(),
    hostAddress: `${network}.1`,
    versions: await systemVersions(),
    s3Server,
    complete: false,
  };
  writeLabRecord(places, record);
  return record;
}

function held(record: LabRecord): RefusedProblem {
  return new RefusedProblem({
    code: 'lab-held',
    happened: `The lab of this machine has been up since ${record.createdAt} and belongs to the checkout ${record.checkout}.`,
    state: 'Nothing was changed.',
    next: `Use that lab, or remove it first: ${join(record.checkout, 'cardea')} lab down`,
  });
}
