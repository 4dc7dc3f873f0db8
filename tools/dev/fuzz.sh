#!/usr/bin/env bash
# fuzz [graphs|TARGET...] [--count N]: random graphs, or hostile files for the readers in fuzz/ (none named: all of these)
setup
count=10000
names=()
while (($#)); do
  case $1 in
    --count) count=${2:?a number follows --count}; shift 2 ;;
    --count=*) count=${1#*=}; shift ;;
    -*) fail "there is no option $1" "--count N" ;;
    *) names+=("$1"); shift ;;
  esac
done
[[ $count =~ ^[0-9]+$ ]] || fail "--count is '$count'" "a whole number"

if [[ ${names[0]:-} == graphs ]]; then
  configure build
  compile build test_transform test_random
  export NEAP_RANDOM_GRAPHS=$count
  build/test_random </dev/null
  build/test_transform --gtest_filter='RandomGraph.*' </dev/null
  exit
fi

known=$(fuzz_targets)
for name in "${names[@]}"; do
  grep -qxF -- "$name" <<<"$known" || fail "there is no fuzz target '$name'" "graphs, or one of: ${known//$'\n'/ }"
done
if ((${#names[@]} == 0)); then mapfile -t names <<<"$known"; fi
checked_build "${names[@]/#/fuzz_}"
fuzz_readers "$count" "${names[@]}"
