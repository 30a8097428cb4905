#!/usr/bin/env node
/** The command `reclaimfs`: one file per command in commands/, one row each in its table. The version is told without any of them. */
import module from 'node:module';
import { endOnOutputErrors, print } from './output.ts';
import { packageVersion } from './version.ts';

// What is loaded from here on is compiled once and kept (Node 22.1 and later).
if ('enableCompileCache' in module && typeof module.enableCompileCache === 'function') module.enableCompileCache();
const [, , first = '', ...rest] = process.argv;
if (rest.length === 0 && /^(-V|--version)$/.test(first)) {
  endOnOutputErrors();
  print(packageVersion());
} else await import('./start.ts');
