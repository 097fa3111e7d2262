import { type Enclosure, findEnclosure } from './enclosure/enclosure.ts';
import { labFolders, type LabPlaces, labPlaces } from './folders.ts';
import { join } from 'node:path';
import { type Kubectl, kubectlFor } from './engines/kubectl.ts';
import { partFolder } from './building/part-build.ts';
import { labPart } from './building/parts.ts';
import { type LabRecord, readLabRecord } from './record.ts';

/** A lab whose namespaces are there: what its servers are made from. */
export interface Lab {
  readonly places: LabPlaces;
  /** Folder of the built parts. */
  readonly cache: string;
  readonly enclosure: Enclosure;
  /** Loopback address at which the host reaches the lab. */
  readonly hostAddress: string;
  /** As the administrator, from the host. */
  readonly kubectl: Kubectl;
  /** Path of the S3 server's program. */
  readonly s3Server: string;
  /** Versions of what comes from the system's packages. */
  readonly system: LabRecord['versions'];
}

/** The lab that is there; undefined when it is down. Starts no process. */
export function findLab(): { readonly lab: Lab; readonly record: LabRecord } | undefined {
  const places = labPlaces(labFolders().home);
  const record = readLabRecord(places);
  const enclosure = record === undefined ? undefined : findEnclosure(places);
  if (record === undefined || enclosure === undefined) return undefined;
  return { lab: labOf(places, record, enclosure), record };
}

export function labOf(places: LabPlaces, record: LabRecord, enclosure: Enclosure): Lab {
  const cache = labFolders().parts;
  const kubectl = kubectlFor(join(partFolder(cache, labPart('kubernetes')), 'kubectl'), places.kubeconfig);
  return {
    places,
    cache,
    enclosure,
    hostAddress: record.hostAddress,
    kubectl,
    s3Server: record.s3Server,
    system: record.versions,
  };
}
