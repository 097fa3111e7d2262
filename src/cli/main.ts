import { enableCompileCache } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';

// Compiled code (types stripped, bytecode) is kept beside Cardea's other caches, not in the shared temporary folder where others may write.
// It must be on before anything else is imported; hence the dynamic import.
const cache = process.env['CARDEA_CACHE'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'cardea');
enableCompileCache(join(cache, 'compiled'));

const { runCommandLine } = await import('./command-line.ts');
await runCommandLine(process.argv.slice(2));
