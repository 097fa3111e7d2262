import { controlPlane } from './control-plane.ts';
import { doors } from './doors.ts';
import type { Lab } from '../lab.ts';
import { gitServer } from './git-server.ts';
import { nodeServers } from './node-servers.ts';
import { s3Regions } from './s3-regions.ts';
import type { LabServer } from './server.ts';
import { volumeProvisioner } from './volumes.ts';
import { watching } from './watching.ts';

/** Every process of the lab, in the order they start. */
export function labServers(lab: Lab): readonly LabServer[] {
  return [...doors(lab.places, lab.hostAddress), ...controlPlane(lab), ...nodeServers(lab), ...surroundings(lab)];
}

/** What a cluster finds around it elsewhere. */
function surroundings(lab: Lab): readonly LabServer[] {
  return [volumeProvisioner(lab), ...s3Regions(lab), gitServer(lab), ...watching(lab)];
}
