/** Steps that captured machines are written in: bulk forms of what touch, pageout and fork do page by page. */
import type { ProcessStep } from '../step.ts';

export const captureSteps: readonly ProcessStep[] = [];
