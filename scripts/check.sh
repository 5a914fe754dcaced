#!/usr/bin/env bash
# npm run check: everything that must hold before a commit is shared. Stops at the first thing that does not.
set -euo pipefail
cd "$(dirname "$0")/.."

step() {
  local title=$1
  shift
  printf '\n== %s\n' "$title"
  "$@"
}

step 'types' npm run --silent build
step 'format, lint and import rules' npm run --silent lint
step 'the Dockerfile is well formed' npx --no-install dockerfile-utils lint Dockerfile
step 'generated files are up to date' node build/scripts/generate.js --check
step 'tests' bash scripts/test.sh
printf '\nall checks passed\n'
