/** What a scenario may mention before it is made: looked for when its last step has been carried out. */
import type { Machine } from '../machine/machine.ts';
import { appsOf } from '../machine/workload/app.ts';
import { closest } from '../util/suggest.ts';
import { appOfKey } from './impose.ts';
import type { ParsedStep } from './parse.ts';
import { ScenarioError } from './scenario-error.ts';

export class FinalCheck {
  readonly #imposed: ParsedStep[] = [];
  readonly #groups: ParsedStep[] = [];

  /** Notes a step that has been carried out. */
  note(step: ParsedStep): void {
    if (step.word === 'impose') this.#imposed.push(step);
    else if (step.word === 'proc' && step.words.some(({ key }) => key === 'cgroup')) this.#groups.push(step);
  }

  /** Throws ScenarioError: a setting of an app that there is not. */
  throwIfMissing(machine: Machine): void {
    const apps = appsOf(machine).list;
    for (const { words, file, line } of this.#imposed) {
      const key = words[1]!;
      const app = appOfKey(key.text);
      if (app === undefined || apps.has(app)) continue;
      const hint = hintFor(app, apps.keys(), `make it with: app ${app} heap=SIZE`);
      throw new ScenarioError(file, line, key.column, `there is no app ${app}`, hint);
    }
  }

  /** Processes that name a control group which nobody has made, where there are groups: they are in the root. */
  warnings({ cgroups }: Machine): string[] {
    const paths = cgroups.paths();
    if (paths.length === 0) return [];
    return this.#groups.flatMap(({ words, file, line }) => {
      const word = words.find(({ key }) => key === 'cgroup')!;
      if (word.value === '/' || paths.includes(word.value)) return [];
      const hint = hintFor(word.value, paths, `make it with: cgroup mkdir ${word.value}`);
      return [
        `${file}:${line}: warning: column ${word.column}: there is no control group ${word.value}: it counts as the root (${hint})`,
      ];
    });
  }
}

function hintFor(name: string, known: Iterable<string>, otherwise: string): string {
  const meant = closest(name, known);
  return meant === undefined ? otherwise : `did you mean ${meant}?`;
}
