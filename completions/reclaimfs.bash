# Written by npm run generate. For one session: source <(reclaimfs completion bash)
_reclaimfs() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} path='' options='' below='' i word
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    if [[ $path == run && $word == -- ]]; then
      # The command's own completion.
      if declare -F _command_offset >/dev/null; then _command_offset $((i + 1)); else COMPREPLY=($(compgen -c -- "$current")); fi
      return
    fi
    case " mount umount status top run play capture record replay import import_logcat import_damon compare compare_merge wss report diff scenario scenario_list scenario_show scenario_check doctor demo completion help " in
    *" ${path:+${path// /_}_}$word "*) path="${path:+$path }$word" ;;
    esac
  done
  case "$path $previous" in
    "mount --scenario") COMPREPLY=($(compgen -W "default phone-16-apps game-and-call desktop-tabs vm-reclaim memory-leak stairs zigzag" -- "$current") $(compgen -f -- "$current")); return ;;
    "mount --profile") COMPREPLY=($(compgen -W "2013 2013-05 2013-04 2016-06 chromeos linux-6.18 all-mappings" -- "$current")); return ;;
    "mount --swap") COMPREPLY=($(compgen -W "zram disk" -- "$current")); return ;;
    "mount --masim-rate") COMPREPLY=(); return ;;
    "mount --transport") COMPREPLY=($(compgen -W "auto direct fuse-native" -- "$current")); return ;;
    "mount --clock") COMPREPLY=($(compgen -W "real manual" -- "$current")); return ;;
    "mount --speed") COMPREPLY=(); return ;;
    "mount --perfetto") COMPREPLY=($(compgen -f -- "$current")); return ;;
    "mount --latency") COMPREPLY=($(compgen -W "none real" -- "$current")); return ;;
    "mount --uid") COMPREPLY=(); return ;;
    "mount --hidepid") COMPREPLY=(); return ;;
    "mount --cgroupfs") COMPREPLY=($(compgen -f -- "$current")); return ;;
    "mount --sysfs") COMPREPLY=($(compgen -f -- "$current")); return ;;
    "mount --ui") COMPREPLY=(); return ;;
    "top --interval") COMPREPLY=(); return ;;
    "run --scenario") COMPREPLY=($(compgen -W "default phone-16-apps game-and-call desktop-tabs vm-reclaim memory-leak stairs zigzag" -- "$current") $(compgen -f -- "$current")); return ;;
    "run --profile") COMPREPLY=($(compgen -W "2013 2013-05 2013-04 2016-06 chromeos linux-6.18 all-mappings" -- "$current")); return ;;
    "run --swap") COMPREPLY=($(compgen -W "zram disk" -- "$current")); return ;;
    "run --masim-rate") COMPREPLY=(); return ;;
    "run --transport") COMPREPLY=($(compgen -W "auto direct fuse-native" -- "$current")); return ;;
    "run --clock") COMPREPLY=($(compgen -W "real manual" -- "$current")); return ;;
    "run --speed") COMPREPLY=(); return ;;
    "run --perfetto") COMPREPLY=($(compgen -f -- "$current")); return ;;
    "run --latency") COMPREPLY=($(compgen -W "none real" -- "$current")); return ;;
    "run --uid") COMPREPLY=(); return ;;
    "run --hidepid") COMPREPLY=(); return ;;
    "run --placeholders") COMPREPLY=(); return ;;
    "run --ui") COMPREPLY=(); return ;;
    "run --events") COMPREPLY=($(compgen -f -- "$current")); return ;;
    "run --state-at-end") COMPREPLY=($(compgen -f -- "$current")); return ;;
    "run --fail-on") COMPREPLY=($(compgen -W "background control exit failure launch lmk-kill launch-failed lmkd-kill nonvolatile oom oom-kill panic policy-kill reclaim resume signal user vmpressure volatile volatile-purge" -- "$current")); return ;;
    "run --summary") COMPREPLY=($(compgen -f -- "$current")); return ;;
    "play --profile") COMPREPLY=($(compgen -W "2013 2013-05 2013-04 2016-06 chromeos linux-6.18 all-mappings" -- "$current")); return ;;
    "play --swap") COMPREPLY=($(compgen -W "zram disk" -- "$current")); return ;;
    "play --masim-rate") COMPREPLY=(); return ;;
    "play --heatmap") COMPREPLY=(); return ;;
    "play --perfetto") COMPREPLY=($(compgen -f -- "$current")); return ;;
    "capture --from") COMPREPLY=($(compgen -f -- "$current")); return ;;
    "capture --pid") COMPREPLY=(); return ;;
    "capture -o" | "capture --output") COMPREPLY=($(compgen -f -- "$current")); return ;;
    "capture --swap-size") COMPREPLY=(); return ;;
    "record --pid") COMPREPLY=(); return ;;
    "record --for") COMPREPLY=(); return ;;
    "record --every") COMPREPLY=(); return ;;
    "record -o" | "record --output") COMPREPLY=($(compgen -f -- "$current")); return ;;
    "record --swap-size") COMPREPLY=(); return ;;
    "replay --profile") COMPREPLY=($(compgen -W "2013 2013-05 2013-04 2016-06 chromeos linux-6.18 all-mappings" -- "$current")); return ;;
    "replay --swap") COMPREPLY=($(compgen -W "zram disk" -- "$current")); return ;;
    "import logcat --meminfo") COMPREPLY=($(compgen -f -- "$current")); return ;;
    "import logcat -o" | "import logcat --output") COMPREPLY=($(compgen -f -- "$current")); return ;;
    "import damon --ram") COMPREPLY=(); return ;;
    "import damon -o" | "import damon --output") COMPREPLY=($(compgen -f -- "$current")); return ;;
    "compare --policies") COMPREPLY=(); return ;;
    "compare --killer") COMPREPLY=(); return ;;
    "compare --reclaimer") COMPREPLY=(); return ;;
    "compare --volatile") COMPREPLY=(); return ;;
    "compare --policy") COMPREPLY=($(compgen -f -- "$current")); return ;;
    "compare --metric") COMPREPLY=($(compgen -f -- "$current")); return ;;
    "compare --set") COMPREPLY=(); return ;;
    "compare --seeds") COMPREPLY=(); return ;;
    "compare --baseline") COMPREPLY=(); return ;;
    "compare --duration") COMPREPLY=(); return ;;
    "compare --warm") COMPREPLY=(); return ;;
    "compare --threads") COMPREPLY=(); return ;;
    "compare --shard") COMPREPLY=(); return ;;
    "compare --jsonl") COMPREPLY=($(compgen -f -- "$current")); return ;;
    "compare --csv") COMPREPLY=($(compgen -f -- "$current")); return ;;
    "compare --html") COMPREPLY=($(compgen -f -- "$current")); return ;;
    "compare merge --jsonl") COMPREPLY=($(compgen -f -- "$current")); return ;;
    "compare merge --csv") COMPREPLY=($(compgen -f -- "$current")); return ;;
    "compare merge --html") COMPREPLY=($(compgen -f -- "$current")); return ;;
    "wss --masim-rate") COMPREPLY=(); return ;;
    "wss --memory") COMPREPLY=(); return ;;
    "wss --ram") COMPREPLY=(); return ;;
    "report --masim-rate") COMPREPLY=(); return ;;
    "report --process") COMPREPLY=(); return ;;
    "help language") COMPREPLY=($(compgen -W "machine title note validity bothsnaps expect2013 swap object unlink rename proc cache truncate punch fallocate squeeze swapoff swapon zram snap tick at kmsg kmsgclear sysctl dropcaches lrugen sysrq lmk cgroup app user policy impose warm duration snapshot restore snapshots fork exit reap exec thread setuid dumpable cpu adj nice rlimit affinity comm kill load cputime faults mmap touch munmap mlock munlock msync mprotect madvise process_madvise pageout selfpageout cold reclaim clearrefs verify poke read write fadvise mremap brk mlockall munlockall clone rest pages share lock peak peek coredumpfilter timerslack recorded volatile nonvolatile run grow storm stop launch resume background use" -- "$current")); return ;;
  esac
  case "$path" in
    "") options="--help --version" ;;
    "mount") options="--scenario --profile --swap --masim-rate --transport --clock --speed --perfetto --latency --uid --hidepid --foreground --cgroupfs --sysfs --ui --no-allow-other --json -h --help" ;;
    "umount") options="--all --json -h --help" ;;
    "status") options="--json -h --help" ;;
    "top") options="--plain --once --interval -h --help" ;;
    "run") options="--scenario --profile --swap --masim-rate --transport --clock --speed --perfetto --latency --uid --hidepid --no-pidns --placeholders --no-placeholders --no-syscalls --privileged --unprivileged --no-new-privs --ui --events --state-at-end --fail-on --summary --json -h --help" ;;
    "play") options="--profile --swap --masim-rate --json --heatmap --perfetto -h --help" ;;
    "capture") options="--from --pid -o --output --swap-size --json -h --help" ;;
    "record") options="--pid --for --every -o --output --swap-size --json -h --help" ;;
    "replay") options="--profile --swap --json -h --help" ;;
    "import") options="-h --help" ;;
    "import logcat") options="--meminfo -o --output -h --help" ;;
    "import damon") options="--ram -o --output -h --help" ;;
    "compare") options="--policies --killer --reclaimer --volatile --policy --metric --set --seeds --baseline --sensitivity --duration --warm --threads --shard --json --jsonl --csv --html -h --help" ;;
    "compare merge") options="--json --jsonl --csv --html -h --help" ;;
    "wss") options="--masim-rate --memory --ram --json -h --help" ;;
    "report") options="--masim-rate --process -h --help" ;;
    "diff") options="--json -h --help" ;;
    "scenario") options="-h --help" ;;
    "scenario list") options="--json -h --help" ;;
    "scenario show") options="-h --help" ;;
    "scenario check") options="--json -h --help" ;;
    "doctor") options="--json -h --help" ;;
    "demo") options="-h --help" ;;
    "completion") options="-h --help" ;;
    "help") options="-h --help" ;;
  esac
  if [[ $current == -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$current"))
    return
  fi
  case "$path" in
    "") below="mount umount unmount status top run play capture record replay import compare wss report diff scenario doctor demo completion help" ;;
    "import") below="logcat damon" ;;
    "compare") below="merge" ;;
    "scenario") below="list show check" ;;
  esac
  if [[ -n $below ]]; then
    COMPREPLY=($(compgen -W "$below" -- "$current"))
    [[ $path != compare || ${#COMPREPLY[@]} -gt 0 ]] && return
  fi
  case "$path" in
    "mount") COMPREPLY=($(compgen -W "" -- "$current") $(compgen -f -- "$current")) ;;
    "umount") COMPREPLY=($(compgen -W "" -- "$current") $(compgen -f -- "$current")) ;;
    "status") COMPREPLY=($(compgen -W "" -- "$current") $(compgen -f -- "$current")) ;;
    "top") COMPREPLY=($(compgen -W "" -- "$current") $(compgen -f -- "$current")) ;;
    "run") COMPREPLY=($(compgen -W "" -- "$current")) ;;
    "play") COMPREPLY=($(compgen -W "" -- "$current") $(compgen -f -- "$current")) ;;
    "capture") COMPREPLY=($(compgen -W "" -- "$current")) ;;
    "record") COMPREPLY=($(compgen -W "" -- "$current")) ;;
    "replay") COMPREPLY=($(compgen -W "" -- "$current") $(compgen -f -- "$current")) ;;
    "import logcat") COMPREPLY=($(compgen -W "" -- "$current") $(compgen -f -- "$current")) ;;
    "import damon") COMPREPLY=($(compgen -W "" -- "$current") $(compgen -f -- "$current")) ;;
    "compare merge") COMPREPLY=($(compgen -W "" -- "$current") $(compgen -f -- "$current")) ;;
    "wss") COMPREPLY=($(compgen -W "default phone-16-apps game-and-call desktop-tabs vm-reclaim memory-leak stairs zigzag" -- "$current") $(compgen -f -- "$current")) ;;
    "report") COMPREPLY=($(compgen -W "" -- "$current") $(compgen -f -- "$current")) ;;
    "diff") COMPREPLY=($(compgen -W "" -- "$current")) ;;
    "scenario list") COMPREPLY=($(compgen -W "" -- "$current")) ;;
    "scenario show") COMPREPLY=($(compgen -W "default phone-16-apps game-and-call desktop-tabs vm-reclaim memory-leak stairs zigzag" -- "$current")) ;;
    "scenario check") COMPREPLY=($(compgen -W "" -- "$current") $(compgen -f -- "$current")) ;;
    "doctor") COMPREPLY=($(compgen -W "" -- "$current")) ;;
    "demo") COMPREPLY=($(compgen -W "" -- "$current")) ;;
    "completion") COMPREPLY=($(compgen -W "bash zsh fish" -- "$current")) ;;
    "help") COMPREPLY=($(compgen -W "mount umount status top run play capture record replay import compare wss report diff scenario doctor demo completion help language" -- "$current")) ;;
    compare) COMPREPLY=($(compgen -W "default phone-16-apps game-and-call desktop-tabs vm-reclaim memory-leak stairs zigzag" -- "$current") $(compgen -f -- "$current")) ;;
  esac
}
complete -o filenames -F _reclaimfs reclaimfs
