/** `reclaimfs top` on a terminal: the frame drawn by ink, keys. Loaded only when it is wanted. */
import { writeSync } from 'node:fs';
import { Box, render, Text, useInput } from 'ink';
import { createElement, type ReactElement, useEffect, useState } from 'react';
import { frame, type Line, type Size, type Tone } from './frame.ts';
import { MOVES } from './plain.ts';
import type { Viewer } from './viewer.ts';

const OTHER_SCREEN = '\x1b[?1049h\x1b[H';
const BACK = '\x1b[?25h\x1b[?1049l';
const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

interface Look {
  readonly color?: string;
  readonly bold?: boolean;
  readonly inverse?: boolean;
}
const LOOKS: Readonly<Record<Tone, Look>> = {
  heading: { bold: true },
  selected: { inverse: true },
  key: { color: 'cyan', bold: true },
  swapped: { color: 'red' },
  zero: { color: 'gray' },
  locked: { color: 'magenta' },
  dirty: { color: 'yellow' },
  file: { color: 'blue' },
  present: { color: 'green' },
};

export interface LiveOptions {
  readonly intervalMs: number;
  readonly colors: boolean;
  readonly unicode: boolean;
}

/** Until `q` or Ctrl-C. Errors: those of the mount. Whatever happens, the terminal is as it was. */
export async function liveView(viewer: Viewer, options: LiveOptions): Promise<void> {
  const restore = restorer();
  for (const [signal, number] of Object.entries(SIGNALS)) process.once(signal, () => process.exit(128 + number));
  process.once('exit', restore);
  process.once('uncaughtExceptionMonitor', restore);
  process.stdout.write(OTHER_SCREEN);
  let end = (): void => {};
  try {
    await new Promise<void>((quit, fail) => {
      const app = render(createElement(Top, { viewer, options, quit, fail }), {
        exitOnCtrlC: false,
        patchConsole: false,
      });
      app.waitUntilExit().then(() => quit(), fail);
      end = () => app.unmount();
    });
  } finally {
    end();
    restore();
  }
}

function restorer(): () => void {
  let isDone = false;
  return () => {
    if (isDone) return;
    isDone = true;
    try {
      if (process.stdin.isTTY) process.stdin.setRawMode(false);
      writeSync(process.stdout.fd, BACK);
    } catch {
      // The terminal has gone.
    }
  };
}

interface TopProps {
  readonly viewer: Viewer;
  readonly options: LiveOptions;
  readonly quit: () => void;
  readonly fail: (error: unknown) => void;
}

function Top({ viewer, options, quit, fail }: TopProps): ReactElement {
  const [, draw] = useState(0);
  const again = (): void => draw((count) => count + 1);
  useEffect(() => {
    // Set again by the drawing that follows.
    const timer = setTimeout(() => void viewer.refresh().then(again, fail), options.intervalMs);
    process.stdout.on('resize', again);
    return () => {
      clearTimeout(timer);
      process.stdout.off('resize', again);
    };
  });
  useInput((input, key) => {
    if (key.ctrl && input === 'c') return quit();
    const arrow = key.upArrow ? 'up' : key.downArrow ? 'down' : key.leftArrow ? 'left' : key.rightArrow ? 'right' : '';
    const keys = arrow === '' ? [...input].map((letter) => MOVES[letter] ?? letter) : [arrow];
    for (const one of keys) {
      // Keys that were typed fast come at once; what came before has been asked for.
      if (one === 'q') return void viewer.refresh().then(quit, fail);
      void viewer.press(one).then(again, fail);
    }
  });
  const size = screen(options.unicode);
  viewer.nrCells = size.width;
  const lines = frame(viewer.view(), size).map((line, i) => lineElement(line, i, options.colors));
  return createElement(Box, { flexDirection: 'column' }, lines);
}

/** The last line stays free: ink draws a full screen anew at every change. */
export function screen(unicode: boolean): Size {
  const { columns = 80, rows = 24 } = process.stdout;
  return { width: columns || 80, height: (rows || 24) - 1, unicode };
}

function lineElement(line: Line, key: number, colors: boolean): ReactElement {
  const spans = line.map(({ text, tone }, i) =>
    createElement(Text, { key: i, ...(colors && tone !== undefined ? LOOKS[tone] : {}) }, text),
  );
  return createElement(Text, { key, wrap: 'truncate-end' }, spans.length === 0 ? ' ' : spans);
}
