import type { RunbookServices } from '../services.ts';
import { type NodeJobCall, onEachNode } from './each-node.ts';
import { emptyResult, standardRetry } from './standard-steps.ts';

/** What moving data on a node would be refused for is asked while everything still serves. */
export const checkAsideStep = {
  id: 'check-aside',
  title: 'What is there now can be moved aside on every node',
  effect: 'read',
  guard: 'until-moved',
  needs: ['start-agents'],
  timeout: '5m',
  retry: standardRetry,
  result: emptyResult,
  run: async (context: NodeJobCall & { readonly services: RunbookServices }) => {
    await onEachNode(context.services.platform, context, 'check-aside', () => ({}));
    return {};
  },
} as const;
