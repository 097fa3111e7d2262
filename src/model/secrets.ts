/**
 * The secrets that this process has read, so that no trace and no log line carries one: errors of the outside world
 * quote what they were given. The one thing of the model that remembers: whoever reads a secret and whoever writes a
 * line stand in rooms that do not know each other, and a register that had to be handed through all of them would be
 * forgotten once.
 */
const forms = new Set<string>();

const leftOut = '(secret)';
/** Shorter ones are no secrets: cutting them out would only make other words unreadable. */
const shortest = 6;

/**
 * To be called by whoever reads a secret, with its value as it is used: a key, a token, a password, a whole PEM file.
 */
export function rememberSecret(value: string): void {
  const whole = value.trim();
  // Of a PEM file each line of the key by itself too: a message may quote a part.
  const lines = whole.includes('\n') ? whole.split('\n').filter((line) => !line.startsWith('-----')) : [];
  for (const text of [whole, ...lines.map((line) => line.trim())]) {
    if (text.length < shortest) continue;
    const escaped = JSON.stringify(text).slice(1, -1);
    for (const form of [text, escaped, encodeURIComponent(text), Buffer.from(text).toString('base64')]) forms.add(form);
  }
}

/**
 * The text without any secret that was remembered, and without what is one by its form: a login in an address, a
 * bearer token, a signature, a private key.
 */
export function withoutSecrets(text: string): string {
  let cut = text;
  // The longest first, for one may be a part of another.
  for (const form of [...forms].sort((a, b) => b.length - a.length)) cut = cut.replaceAll(form, leftOut);
  return cut
    .replaceAll(/(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/?#@"'`]+@/gi, `$1${leftOut}@`)
    .replaceAll(/\b(Bearer|Basic) [\w~+/.=-]{16,}/g, `$1 ${leftOut}`)
    .replaceAll(/\b((?:X-Amz-)?(?:Signature|Credential|Security-Token))=[^\s&,"']+/gi, `$1=${leftOut}`)
    .replaceAll(/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, leftOut);
}
