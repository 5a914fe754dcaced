#!/usr/bin/env bash
# npm test [-- folder…]: builds, then runs the tests of test/unit, sim, e2e and peers (or of the folders named).
# Peers that are not installed skip their tests aloud; with CI=true they fail them.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly TEST_TIMEOUT_MS=240000

npm run --silent build

# Folders with failures: all of them are run, so that one report shows everything.
failed=()

# Tests are found by their sources, so that a stale file in build/ is never run. Node 20's --test takes no glob.
run_tests() {
  local concurrency=$1 title=$2
  shift 2
  local files
  files=$(find "$@" -name '*.test.ts' 2>/dev/null | sort | sed 's|^\(.*\)\.ts$|build/\1.js|')
  if [ -z "$files" ]; then
    return 0
  fi
  printf '\n== %s: %s files\n' "$title" "$(wc -w <<<"$files")"
  # shellcheck disable=SC2086 -- one word a file
  node --test --test-reporter=spec --test-timeout=$TEST_TIMEOUT_MS --test-concurrency="$concurrency" $files ||
    failed+=("$title")
}

run_folder() {
  case $1 in
    # Ports and processes are shared with the machine, and time-outs are real: one file at a time.
    e2e | peers) run_tests 1 "$1" "test/$1" ;;
    *) run_tests 2 "$1" "test/$1" ;;
  esac
}

if [ $# -gt 0 ]; then
  for folder in "$@"; do run_folder "$folder"; done
else
  run_tests 2 "the whole project" test -maxdepth 1
  for folder in unit sim e2e peers; do run_folder "$folder"; done
fi

printf '\n== peers that the tests could use\n'
node build/test/support/report-peers.js

if [ ${#failed[@]} -gt 0 ]; then
  printf '\ntests failed in: %s\n' "${failed[*]}" >&2
  exit 1
fi
