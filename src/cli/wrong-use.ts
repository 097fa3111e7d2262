import type { CommanderError } from 'commander';
import { type Problem, UsageProblem } from '../model/problem.ts';
import { commands } from './commands/index.ts';

/**
 * A mistake that commander found in a command line, as a problem. Commander puts the suggestion for a misspelt word on
 * a second line.
 */
export function usageProblem(error: CommanderError, argv: readonly string[]): Problem {
  const [first = '', ...rest] = error.message.replace(/^error: /, '').split('\n');
  const suggestion = rest
    .join(' ')
    .replace(/^\((.*)\)$/, '$1')
    .trim();
  // Only a command that is there has a help of its own.
  const words = argv
    .filter((word) => commands.some(({ declaration }) => declaration.name.split(' ')[0] === word))
    .slice(0, 1);
  const help = ['cardea', ...words, '--help'].join(' ');
  const happened =
    error.code === 'commander.help'
      ? `\`${['cardea', ...words].join(' ')}\` needs another command after it.`
      : sentence(first);
  return new UsageProblem({
    code: 'wrong-use',
    happened,
    state: 'Nothing was started.',
    next: suggestion === '' ? `See \`${help}\`.` : sentence(suggestion),
  });
}

function sentence(text: string): string {
  const upper = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.?!]$/.test(upper) ? upper : `${upper}.`;
}
