import { withoutSecrets } from './secrets.ts';

/**
 * What an error says of itself, fit to be kept. `JSON.parse` quotes what it was given, which may be anything: that
 * part goes, and with it every secret that is known.
 */
export function faultMessage(thrown: unknown): string {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return withoutSecrets(thrown instanceof SyntaxError ? withoutInput(message) : message);
}

/** `Unexpected token 's', ..."of the input"... is not valid JSON` and `"the input" is not valid JSON`. */
function withoutInput(message: string): string {
  if (!message.endsWith('is not valid JSON')) return message;
  const token = /^Unexpected token '[^"]{1,2}'/.exec(message)?.[0];
  return token === undefined ? 'it is not valid JSON' : `${token}, it is not valid JSON`;
}
