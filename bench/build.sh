#!/usr/bin/env bash
# How long a build takes without a compiler's cache: of everything, in a copy of the project; then of one changed operator with its tests.
# Run by `./dev bench build [--json FILE]`.
set -euo pipefail
source tools/dev/common.bash
json=
[[ ${1:-} == --json ]] && json=$(realpath -m "${2:?a file follows --json}")
export CCACHE_DISABLE=1
copy_sources build/timed/tree
cd build/timed/tree

rows=()
# row WHAT MOST COMMAND...: the seconds that COMMAND takes, at most MOST.
row() {
  local what=$1 most=$2 begun=$EPOCHREALTIME
  shift 2
  "$@"
  rows+=("$(awk -v what="$what" -v most="$most" -v from="$begun" -v to="$EPOCHREALTIME" 'BEGIN {
    printf "{\"name\": \"%s\", \"metric\": \"s\", \"ours\": %.1f, \"other\": %s, \"other_name\": \"at most\", \"ratio\": %.3f, \"spread\": 0, \"target\": 1}",
      what, to - from, most, most / (to - from)
    printf "%-50s %7.1f s   at most %s\n", what, to - from, most >"/dev/stderr" }')")
}
everything() { configure ../build && compile ../build; }
one_operator() { compile ../build test_ops && ../build/test_ops --gtest_filter='*softmax*' --gtest_brief=1; }

say "building everything without a cache: $JOBS jobs, $(g++ --version | head -n 1), load $(cut -d' ' -f1-3 /proc/loadavg)"
row "everything" 360 everything
sed -i '1s|^|// Changed, to see what that costs.\n|' neap/ops/softmax.cpp
row "one operator changed, rebuilt and tested" 20 one_operator
[[ -z $json ]] || printf '[%s]\n' "$(IFS=,; echo "${rows[*]}")" >"$json"
cd ../../..
rm -rf build/timed
