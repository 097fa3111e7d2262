import type { ConfigurationChange } from '../../platforms/sandbox/configuration-changes.ts';

/** One changed setting for people, without what to do about it. */
export function changeText(environment: string, { key, was, is }: ConfigurationChange): string {
  return `${key} is ${is} in the configuration; ${environment} has ${was}`;
}

/** What to do so that the environment has it. */
export function changeRemedy(environment: string, takes: ConfigurationChange['takes']): string {
  switch (takes) {
    case 'agents':
      return `cardea sandbox up ${environment}`;
    case 'nodes':
      return `cardea sandbox down ${environment} --keep-data, then cardea sandbox up ${environment}`;
    case 'environment':
      return `change it back, or make ${environment} anew without its data: cardea sandbox down ${environment} --confirm ${environment}, then cardea sandbox up ${environment}`;
  }
}

/** What `sandbox up` says of a setting that it found changed; `obstacle` is why it was not applied, as a clause. */
export function handledText(environment: string, change: ConfigurationChange & { readonly obstacle?: string }): string {
  if (change.obstacle === undefined) return `${change.key} is ${change.is} from now on (it was ${change.was})`;
  const when = change.takes === 'agents' ? 'When that is over: ' : 'To change it: ';
  const remedy =
    change.takes === 'environment'
      ? changeRemedy(environment, change.takes)
      : `${when}${changeRemedy(environment, change.takes)}`;
  return `WARNING: ${changeText(environment, change)}, and keeps it: ${change.obstacle}. ${capitalized(remedy)}`;
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
