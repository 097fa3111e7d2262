import { controlPlane } from './control-plane.ts';
import { doors } from './doors.ts';
import type { Lab } from './lab.ts';
import { nodeServers } from './node-servers.ts';
import type { LabServer } from './server.ts';

/** Every process of the lab, in the order they start. */
export function labServers(lab: Lab): readonly LabServer[] {
  return [...doors(lab.places, lab.hostAddress), ...controlPlane(lab), ...nodeServers(lab)];
}
