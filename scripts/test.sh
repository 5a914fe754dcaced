#!/usr/bin/env bash
# npm test [-- folder…]: builds, then runs the tests of test/unit, sim, e2e and peers (or of the folders named), and
# counts which rows of the fault list (test/faults/rows.ts) their tests have shown.
# npm run test:faults: only the files with tests of that list, and each row.
# Peers that are not installed skip their tests aloud; with CI=true they fail them.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly TEST_TIMEOUT_MS=480000
# What the tests said about the rows of the fault list, a file a run of node.
readonly FAULTS=build/faults

npm run --silent build
rm -rf "$FAULTS"
mkdir -p "$FAULTS"

# Folders with failures: all of them are run, so that one report shows everything.
failed=()
runs=0

# Tests are found by their sources, so that a stale file in build/ is never run. Node 20's --test takes no glob.
run_files() {
  local concurrency=$1 title=$2 files=$3
  if [ -z "$files" ]; then
    return 0
  fi
  runs=$((runs + 1))
  printf '\n== %s: %s files\n' "$title" "$(wc -w <<<"$files")"
  # shellcheck disable=SC2046 -- one word a file
  node --import ./build/test/faults/oracle.js --test \
    --test-reporter=spec --test-reporter-destination=stdout \
    --test-reporter=./build/test/faults/reporter.js --test-reporter-destination="$FAULTS/$runs.jsonl" \
    --test-timeout=$TEST_TIMEOUT_MS --test-concurrency="$concurrency" \
    $(sed 's|^\(.*\)\.ts$|build/\1.js|' <<<"$files") ||
    failed+=("$title")
}

run_tests() {
  local concurrency=$1 title=$2
  shift 2
  run_files "$concurrency" "$title" "$(find "$@" -name '*.test.ts' 2>/dev/null | sort)"
}

# By themselves the tests take the native plane.
readonly PLANE_TESTS='test/e2e/relay-media.test.ts test/e2e/relay-playback.test.ts test/e2e/relay-recording.test.ts'

run_folder() {
  case $1 in
    # Ports and processes are shared with the machine, and time-outs are real: one file at a time.
    e2e)
      run_tests 1 e2e test/e2e
      IMS_TEST_PLANE=portable run_files 1 'e2e on the portable plane' "${PLANE_TESTS// /$'\n'}"
      ;;
    peers) run_tests 1 "$1" "test/$1" ;;
    *) run_tests 2 "$1" "test/$1" ;;
  esac
}

# Files of a folder in which a test's name begins with the rows that it shows.
files_with_faults() {
  grep -rlE --include='*.test.ts' "['\"\`]faults? [0-9]" "$@" 2>/dev/null | sort || true
}

case "${1:-}" in
  '')
    run_tests 2 'the whole project' test -maxdepth 1
    for folder in unit sim e2e peers; do run_folder "$folder"; done
    printf '\n== peers that the tests could use\n'
    node build/test/support/report-peers.js
    node build/test/faults/report.js "$FAULTS" --all || failed+=('faults')
    ;;
  faults)
    run_files 2 'faults in engines and drivers' "$(files_with_faults test/unit test/sim)"
    run_files 1 'faults in the programs' "$(files_with_faults test/e2e test/peers)"
    node build/test/faults/report.js "$FAULTS" --rows --all || failed+=('faults')
    ;;
  *)
    for folder in "$@"; do run_folder "$folder"; done
    printf '\n== peers that the tests could use\n'
    node build/test/support/report-peers.js
    ;;
esac

if [ ${#failed[@]} -gt 0 ]; then
  printf '\ntests failed in: %s\n' "${failed[*]}" >&2
  exit 1
fi
