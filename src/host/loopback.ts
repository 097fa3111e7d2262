import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync, renameSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { z } from 'zod';
import { RefusedProblem } from '../model/problem.ts';
import { withHostLock } from './host-lock.ts';

/**
 * Loopback networks. All nodes of a ring share one CQL port, so every environment has a /24 of 127.0.0.0/8 to itself and its servers keep
 * the standard ports. A claim is a file named after the network that names the environment's folder; it is good while that folder exists.
 */
const claimSchema = z.object({ network: z.string(), directory: z.string() });
type Claim = z.infer<typeof claimSchema>;

/** Ports that servers of an environment listen on, on any of its first addresses. */
const ports = [7000, 7199, 7400, 9042] as const;

/**
 * The first three parts of the network claimed for the environment's folder, `127.81.7`; claims one when there is none. The folder must
 * exist. Throws RefusedProblem `no-loopback` when every network is taken.
 */
export async function claimNetwork(
  claims: string,
  directory: string,
  isFree: (network: string) => Promise<boolean> = portsFree,
): Promise<string> {
  return withHostLock(
    join(claims, '.lock'),
    { purpose: `claiming addresses for ${directory}`, withinMs: 30_000 },
    async () => {
      const held = readClaims(claims);
      const own = held.find((claim) => claim.directory === directory);
      if (own !== undefined) return own.network;
      for (const claim of held)
        if (!existsSync(claim.directory)) rmSync(claimFile(claims, claim.network), { force: true });
      const taken = new Set(held.filter((claim) => existsSync(claim.directory)).map((claim) => claim.network));
      for (const network of candidates(directory)) {
        if (taken.has(network) || !(await isFree(network))) continue;
        const file = claimFile(claims, network);
        writeFileSync(`${file}.new`, `${JSON.stringify({ network, directory } satisfies Claim, null, 2)}\n`);
        renameSync(`${file}.new`, file);
        return network;
      }
      throw new RefusedProblem({
        code: 'no-loopback',
        happened: 'Every loopback network that the sandbox can use is in use.',
        state: 'Nothing was changed.',
        next: `Remove environments that you do not need (\`cardea sandbox down ENV --confirm ENV\`). The list of used networks is in ${claims}.`,
      });
    },
  );
}

/** Gives the folder's network back. Idempotent. */
export function releaseNetwork(claims: string, directory: string): void {
  for (const claim of readClaims(claims)) {
    if (claim.directory === directory) rmSync(claimFile(claims, claim.network), { force: true });
  }
}

/** Every claim, also stale ones, by network. */
export function readClaims(claims: string): readonly Claim[] {
  mkdirSync(claims, { recursive: true });
  return readdirSync(claims)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .flatMap((name) => {
      const claim = claimSchema.safeParse(parsed(join(claims, name)));
      return claim.success ? [claim.data] : [];
    });
}

/** 127.64.0 to 127.126.255 (below lie the addresses people use by hand), from a place that depends on the folder so that a rerun finds the same. */
export function* candidates(directory: string): Generator<string> {
  const size = 63 * 256;
  const first = createHash('sha256').update(directory).digest().readUInt32BE() % size;
  for (let step = 0; step < size; step += 1) {
    const at = (first + step) % size;
    yield `127.${64 + Math.floor(at / 256)}.${at % 256}`;
  }
}

/** True when nobody listens on the network's first addresses: also somebody who knows nothing of our claims. */
async function portsFree(network: string): Promise<boolean> {
  for (const port of ports) if (!(await canListen(`${network}.1`, port))) return false;
  return true;
}

function canListen(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => {
      resolve(false);
    });
    server.listen({ host, port, exclusive: true }, () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}

function claimFile(claims: string, network: string): string {
  return join(claims, `${network}.json`);
}

function parsed(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}
