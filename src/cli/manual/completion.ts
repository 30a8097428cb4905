/** What a shell completes, from the commands. */
import type { Option } from 'commander';
import { type CommandText, flat, isPath, takenBy } from './commands.ts';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** A name that stands for a fixed argument: `reclaimfs scenario show <name>`. */
export type Names = Readonly<Record<string, readonly string[]>>;

export function completionOf(shell: Shell, program: CommandText, names: Names): string {
  return { bash, zsh, fish }[shell](program, names);
}

const HEAD = '# Written by npm run generate. For one session:';

function words(option: Option): string[] {
  return [option.short, option.long].filter((word) => word !== undefined);
}

/** What an argument or value may be: words, or files. */
function valuesOf(word: string, choices: readonly string[], names: Names): readonly string[] {
  return choices.length > 0 ? choices : (names[word] ?? []);
}

function bash(program: CommandText, names: Names): string {
  const commands = flat(program).slice(1);
  const options = commands.map(
    ({ path, options: list }) =>
      `    ${JSON.stringify(path)}) options=${JSON.stringify(list.flatMap(words).join(' '))} ;;`,
  );
  const values = commands.flatMap(({ path, options: list }) =>
    list.flatMap((option) => {
      const value = takenBy(option);
      if (value === undefined) return [];
      const known = valuesOf(value.word, value.choices, names);
      const action =
        known.length > 0
          ? `COMPREPLY=($(compgen -W ${JSON.stringify(known.join(' '))} -- "$current")${isPath(value.word) ? ' $(compgen -f -- "$current")' : ''})`
          : `COMPREPLY=(${isPath(value.word) ? '$(compgen -f -- "$current")' : ''})`;
      return [
        `    ${words(option)
          .map((word) => JSON.stringify(`${path} ${word}`))
          .join(' | ')}) ${action}; return ;;`,
      ];
    }),
  );
  const given = commands
    .filter((command) => command.commands.length === 0)
    .map((command) => {
      const word = command.arguments[0]?.name() ?? '';
      const known = valuesOf(word, [], names);
      const files = isPath(word) ? ' $(compgen -f -- "$current")' : '';
      return `    ${JSON.stringify(command.path)}) COMPREPLY=($(compgen -W ${JSON.stringify(known.join(' '))} -- "$current")${files}) ;;`;
    });
  const parents = [program, ...commands.filter((command) => command.commands.length > 0)];
  const below = parents.map(
    ({ path, commands: list }) =>
      `    ${JSON.stringify(path)}) below=${JSON.stringify(list.flatMap((one) => [one.path.split(' ').at(-1), ...one.aliases]).join(' '))} ;;`,
  );
  return `${HEAD} source <(reclaimfs completion bash)
_reclaimfs() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} path='' options='' below='' i word
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if [[ $path == run && $word == -- ]]; then
      # The command's own completion.
      if declare -F _command_offset >/dev/null; then _command_offset $((i + 1)); else COMPREPLY=($(compgen -c -- "$current")); fi
      return
    fi
    case " ${commands.map(({ path }) => path.replaceAll(' ', '_')).join(' ')} " in
    *" \${path:+\${path// /_}_}$word "*) path="\${path:+$path }$word" ;;
    esac
  done
  case "$path $previous" in
${values.join('\n')}
    "help language") COMPREPLY=($(compgen -W ${JSON.stringify((names['step'] ?? []).join(' '))} -- "$current")); return ;;
  esac
  case "$path" in
    "") options="--help --version" ;;
${options.join('\n')}
  esac
  if [[ $current == -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$current"))
    return
  fi
  case "$path" in
${below.join('\n')}
  esac
  if [[ -n $below ]]; then
    COMPREPLY=($(compgen -W "$below" -- "$current"))
    [[ $path != compare || \${#COMPREPLY[@]} -gt 0 ]] && return
  fi
  case "$path" in
${given.join('\n')}
    compare) COMPREPLY=($(compgen -W ${JSON.stringify((names['scenario'] ?? []).join(' '))} -- "$current") $(compgen -f -- "$current")) ;;
  esac
}
complete -o filenames -F _reclaimfs reclaimfs
`;
}

function zsh(program: CommandText, names: Names): string {
  const action = (word: string, choices: readonly string[]): string => {
    const known = valuesOf(word, choices, names);
    if (known.length > 0 && isPath(word))
      return `:${zshText(word)}:{ _values ${zshText(word)} ${known.join(' ')}; _files }`;
    if (known.length > 0) return `:${zshText(word)}:(${known.join(' ')})`;
    return `:${zshText(word)}:${isPath(word) ? '_files' : ' '}`;
  };
  const functions = flat(program)
    .slice(1)
    .map((command) => {
      const options = command.options.flatMap((option) => {
        const value = takenBy(option);
        return words(option).map(
          (word) =>
            `    '${word}[${zshText(option.description)}]${value === undefined ? '' : action(value.word, value.choices)}'`,
        );
      });
      const args = command.arguments.map(
        (argument, i) => `    '${argument.variadic ? '*' : i + 1}${action(argument.name(), [])}'`,
      );
      const rest = command.path === 'run' ? ["    '*::command:_normal'"] : command.commands.length > 0 ? [] : args;
      return `_reclaimfs_${command.path.replaceAll(' ', '_')}() {
${command.commands.length > 0 ? zshBelow(command, `  (( CURRENT == 2 )) && `) : ''}  _arguments -s \\
${[...options, ...rest].join(' \\\n')}
}`;
    });
  return `#compdef reclaimfs
${HEAD} source <(reclaimfs completion zsh)
${functions.join('\n')}
_reclaimfs() {
  local -a commands=(
${program.commands.map(({ path, description }) => `    '${path}:${zshText(description)}'`).join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  shift words
  (( CURRENT-- ))
  local function=_reclaimfs_\${words[1]}
  (( $+functions[$function] )) && $function
}
if [ "$funcstack[1]" = _reclaimfs ]; then _reclaimfs "$@"; else compdef _reclaimfs reclaimfs; fi
`;
}

function zshBelow({ path, commands }: CommandText, when: string): string {
  const rows = commands.map((one) => `'${one.path.split(' ').at(-1)}:${zshText(one.description)}'`).join(' ');
  return `  local -a below=(${rows})
${when}_describe command below
  if (( CURRENT > 2 )) && (( $+functions[_reclaimfs_${path}_\${words[2]}] )); then
    shift words
    (( CURRENT-- ))
    _reclaimfs_${path}_\${words[1]}
    return
  fi
`;
}

function zshText(text: string): string {
  return text.replaceAll("'", '’').replace(/[[\]:\\]/g, (letter) => (letter === ':' ? '' : `\\${letter}`));
}

function fish(program: CommandText, names: Names): string {
  const lines = program.commands.map(
    ({ path, description }) => `complete -c reclaimfs -n __fish_use_subcommand -a ${path} -d ${fishText(description)}`,
  );
  for (const command of flat(program).slice(1)) {
    const seen = command.path
      .split(' ')
      .map((word) => `__fish_seen_subcommand_from ${word}`)
      .join('; and ');
    const when = `-n ${fishText(seen)}`;
    for (const option of command.options) {
      const value = takenBy(option);
      const known = value === undefined ? [] : valuesOf(value.word, value.choices, names);
      const parts = [
        option.long === undefined ? '' : `-l ${option.long.slice(2)}`,
        option.short === undefined ? '' : `-s ${option.short.slice(1)}`,
        value === undefined ? '' : isPath(value.word) ? '-r -F' : '-x',
        known.length === 0 ? '' : `-a ${fishText(known.join(' '))}`,
        `-d ${fishText(option.description)}`,
      ];
      lines.push(['complete -c reclaimfs', when, ...parts.filter(Boolean)].join(' '));
    }
    for (const one of command.commands)
      lines.push(`complete -c reclaimfs ${when} -a ${one.path.split(' ').at(-1)} -d ${fishText(one.description)}`);
    const [argument] = command.arguments;
    const known = argument === undefined ? [] : valuesOf(argument.name(), [], names);
    if (known.length > 0) lines.push(`complete -c reclaimfs ${when} -a ${fishText(known.join(' '))}`);
    if (argument === undefined || !isPath(argument.name())) {
      if (command.path !== 'run') lines.push(`complete -c reclaimfs ${when} -f`);
    }
  }
  return `${HEAD} reclaimfs completion fish | source
complete -c reclaimfs -n __fish_use_subcommand -f
${lines.join('\n')}
`;
}

function fishText(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
