#!/usr/bin/env node
/** The command `reclaimfs`: one file per command in commands/, one row each in its table. */
import module from 'node:module';

// What is loaded from here on is compiled once and kept (Node 22.1 and later).
if ('enableCompileCache' in module && typeof module.enableCompileCache === 'function') module.enableCompileCache();
await import('./start.ts');
