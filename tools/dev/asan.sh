#!/usr/bin/env bash
# asan [FOLDER...|fuzz]: the tests of these folders (none: all) with address and undefined-behaviour checks; fuzz: hostile files for readers
setup
configure build-asan -DNEAP_SANITIZE=address,undefined -DNEAP_FUZZ=ON
folders=() readers=()
for name in "$@"; do [[ $name == fuzz ]] || folders+=("$name"); done
if (($# == 0 || $# > ${#folders[@]})); then
  for file in fuzz/*.cpp; do [[ $file == fuzz/driver.cpp ]] || readers+=("$(basename "$file" .cpp)"); done
fi
say "building with sanitizers"
if (($#)); then compile build-asan "${folders[@]/#/test_}" "${readers[@]/#/fuzz_}"; else compile build-asan; fi
# Libraries that were built without the sanitizer hand out containers whose ends it cannot know.
export ASAN_OPTIONS=detect_container_overflow=0:strict_string_checks=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
for name in "${readers[@]}"; do
  say "hostile files: $name"
  build-asan/fuzz/fuzz_"$name" -runs=2000 -seed=1 "fuzz/corpus/$name" || fail "the reader $name failed" "its input is in crash-input"
done
if (($# == 0 || ${#folders[@]})); then run_suites build-asan "${folders[@]}"; fi
