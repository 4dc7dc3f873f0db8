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

packages "fuzzing" clang-14 libclang-rt-14-dev libomp-14-dev
if ((${#names[@]} == 0)); then
  for file in fuzz/*.cpp; do
    name=$(basename "$file" .cpp)
    [[ $name == driver ]] || names+=("$name")
  done
fi
for name in "${names[@]}"; do
  [[ $name =~ ^[a-z_]+$ && -f fuzz/$name.cpp ]] || fail "there is no fuzz target '$name'" "graphs, or a file of fuzz/"
done
configure build-fuzz -DCMAKE_CXX_COMPILER=clang++-14 -DNEAP_FUZZ=ON -DNEAP_SANITIZE=address,undefined -DBUILD_TESTING=OFF
say "building ${names[*]}"
compile build-fuzz "${names[@]/#/fuzz_}"
mkdir -p build-fuzz/finds
passed=0 failed=0
for name in "${names[@]}"; do
  say "$name, $count inputs"
  mkdir -p "build-fuzz/corpus/$name"  # what is found on the way stays out of the project's seeds
  if "build-fuzz/fuzz/fuzz_$name" -runs="$count" -timeout=10 -rss_limit_mb=2048 -print_final_stats=0 -verbosity=0 \
    -artifact_prefix="build-fuzz/finds/$name-" "build-fuzz/corpus/$name" "fuzz/corpus/$name"; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    say "$name failed: its input is in build-fuzz/finds/"
  fi
done
echo "$passed passed, $failed failed"
((failed == 0))
