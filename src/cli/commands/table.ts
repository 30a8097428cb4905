import type { CommandRow } from '../command.ts';
import { captureCommand } from './capture.ts';
import { compareCommand } from './compare.ts';
import { completionCommand } from './completion.ts';
import { demoCommand } from './demo.ts';
import { diffCommand } from './diff.ts';
import { doctorCommand } from './doctor.ts';
import { helpCommand } from './help.ts';
import { importCommand } from './import.ts';
import { mountCommand } from './mount.ts';
import { playCommand } from './play.ts';
import { recordCommand } from './record.ts';
import { replayCommand } from './replay.ts';
import { reportCommand } from './report.ts';
import { runCommand } from './run.ts';
import { scenarioCommand } from './scenario.ts';
import { statusCommand } from './status.ts';
import { topCommand } from './top.ts';
import { umountCommand } from './umount.ts';
import { wssCommand } from './wss.ts';

/** Every command, in the order of the help text. */
export const COMMANDS: readonly CommandRow[] = [
  mountCommand,
  umountCommand,
  statusCommand,
  topCommand,
  runCommand,
  playCommand,
  captureCommand,
  recordCommand,
  replayCommand,
  importCommand,
  compareCommand,
  wssCommand,
  reportCommand,
  diffCommand,
  scenarioCommand,
  doctorCommand,
  demoCommand,
  completionCommand,
  helpCommand,
];
