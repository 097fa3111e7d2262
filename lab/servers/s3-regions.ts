import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { writeWhole } from '../../src/host/write-whole.ts';
import { addresses, ports } from '../addresses.ts';
import { lacksHealth } from './health.ts';
import type { Lab } from '../lab.ts';
import type { LabServer } from './server.ts';

/** Two S3 servers that know nothing of each other, as two regions: what a replica needs to be one. */
const regions = [
  { name: 's3-paris', region: 'eu-west-3', port: ports['s3-paris'] },
  { name: 's3-frankfurt', region: 'eu-central-1', port: ports['s3-frankfurt'] },
] as const;

export function s3Regions(lab: Lab): readonly LabServer[] {
  return regions.map(({ name, region, port }) => {
    const buckets = join(lab.places.home, name);
    const url = `http://${addresses.node}:${port}`;
    return {
      name,
      title: `S3 in ${region}`,
      version: /\d.*$/.exec(basename(dirname(lab.s3Server)))?.[0] ?? 'unknown',
      prepare() {
        mkdirSync(buckets, { recursive: true });
        writeCredentials(lab);
      },
      command: [
        lab.s3Server,
        `--port=${addresses.node}:${port}`,
        `--region=${region}`,
        '--health=/health',
        'posix',
        buckets,
      ],
      // Not among the arguments, which everybody on the machine can read.
      variables: () => readCredentials(lab),
      lacks: () => lacksHealth(lab, `${url}/health`),
      withinMs: 60_000,
    };
  });
}

/** One pair of keys for both regions, made once: an environment file, mode 0600. */
export function s3CredentialsFile(lab: Pick<Lab, 'places'>): string {
  return join(lab.places.home, 's3-credentials.json');
}

const credentialsDocument = z.object({ accessKeyId: z.string(), secretAccessKey: z.string() });

function writeCredentials(lab: Lab): void {
  const file = s3CredentialsFile(lab);
  if (existsSync(file)) return;
  const credentials = {
    accessKeyId: `lab${randomBytes(8).toString('hex')}`,
    secretAccessKey: randomBytes(24).toString('hex'),
  };
  writeWhole(file, `${JSON.stringify(credentials, null, 2)}\n`, 0o600);
}

function readCredentials(lab: Lab): Readonly<Record<string, string>> {
  const { accessKeyId, secretAccessKey } = credentialsDocument.parse(
    JSON.parse(readFileSync(s3CredentialsFile(lab), 'utf8')),
  );
  return { ROOT_ACCESS_KEY: accessKeyId, ROOT_SECRET_KEY: secretAccessKey };
}
