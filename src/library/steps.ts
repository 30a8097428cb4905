import { stepLine } from '../scenario/language/step-object.ts';
import type { Step } from './step-types.ts';

export type { Size, Step, Time } from './step-types.ts';

/** The line of a step. Throws UsageError where a property is missing or unknown. */
export function step(one: Step): string {
  return stepLine({ ...one });
}

/** Steps in the forms in which they may be given: text, one object, or several of either. */
export type Steps = string | Step | readonly (string | Step)[];

/** Steps as text. */
export function stepsText(steps: Steps): string {
  if (typeof steps === 'string') return steps;
  return [steps]
    .flat()
    .map((one) => (typeof one === 'string' ? one : step(one as Step)))
    .join('\n');
}
