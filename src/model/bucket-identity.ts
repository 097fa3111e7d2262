import { z } from 'zod';
import { documentType } from './document.ts';
import { RefusedProblem } from './problem.ts';

export const bucketId = z.string().regex(/^[a-z0-9]{8,40}$/);

/** Which environment a bucket belongs to: created once at first use, and never replaced while it can be read. */
export const bucketIdentityDocument = documentType(
  'environment-identity',
  1,
  {
    environment: z.string(),
    /** Name of the project, as the configuration gives it; absent when whoever made it did not know it. */
    project: z.string().optional(),
    /** Random: two buckets of the same environment differ in it. */
    id: bucketId,
    madeAt: z.iso.datetime(),
  },
  { sealed: true },
);
export type BucketIdentity = z.infer<typeof bucketIdentityDocument.body>;

export const bucketIdentityKey = 'environment/identity.json';

/** Whose bucket somebody expects; without a project only the name is compared. */
export interface BucketOwner {
  readonly environment: string;
  readonly project?: string | undefined;
}

export function ownerText({ environment, project }: BucketOwner): string {
  return project === undefined ? environment : `${environment} of the project ${project}`;
}

/** Throws RefusedProblem `bucket-of-another-environment`. Pure. */
export function requireOwner(bucket: string, found: BucketOwner, owner: BucketOwner): void {
  const sameProject = found.project === undefined || owner.project === undefined || found.project === owner.project;
  if (found.environment === owner.environment && sameProject) return;
  throw new RefusedProblem({
    code: 'bucket-of-another-environment',
    happened: `The bucket (${bucket}) belongs to ${ownerText(found)}, not to ${ownerText(owner)}.`,
    state: 'Nothing was changed, neither there nor in this environment.',
    next:
      found.environment === owner.environment
        ? `Set \`name\` in cardea.config.ts back to '${found.project}', or give ${owner.environment} a bucket of its own (\`backup.store\`).`
        : `Give ${owner.environment} a bucket of its own in cardea.config.ts (\`backup.store\`). Restoring from the bucket of another environment is not possible in this version.`,
  });
}

/**
 * Throws RefusedProblem `bucket-of-another-environment` when the documents of a bucket without an identity name other
 * environments. Pure.
 */
export function requireOwnDocuments(bucket: string, named: ReadonlySet<string>, { environment }: BucketOwner): void {
  const others = [...named].filter((each) => each !== environment).toSorted();
  if (others.length === 0) return;
  const mixed = named.has(environment);
  throw new RefusedProblem({
    code: 'bucket-of-another-environment',
    happened: `The bucket (${bucket}) was made by an older version, and its documents are of ${[...others, ...(mixed ? [environment] : [])].join(' and ')}.`,
    state: 'Nothing was changed, neither there nor in this environment.',
    next: mixed
      ? `If it is the bucket of ${environment}, bind it: cardea agents bind ${environment} --confirm ${environment}. What is of others stays there and is not used.`
      : `Give ${environment} a bucket of its own in cardea.config.ts (\`backup.store\`).`,
  });
}

/** Another bucket than the one that is remembered stands in its place: it was emptied, made anew or exchanged. */
export function bucketChanged(
  bucket: string,
  change: {
    readonly who: string;
    readonly remembered: string;
    readonly found: string | undefined;
    readonly environment: string;
  },
): RefusedProblem {
  const { who, remembered, found, environment } = change;
  const bind = `cardea agents bind ${environment} --confirm ${environment}`;
  return new RefusedProblem({
    code: 'bucket-changed',
    happened: `${who} the bucket ${remembered} of ${environment}, but ${bucket} ${found === undefined ? 'is empty or without an identity' : `is the bucket ${found}`}.`,
    state: 'Nothing was changed, and nothing is shipped there.',
    next: `If the old bucket still exists, point the configuration back to it. If it is lost or was made anew on purpose, bind the agents to this one: ${bind}.`,
    // A run that moved data says another next of its own.
    details: [`Agents are bound to another bucket by: ${bind}`],
  });
}
