#!/usr/bin/env bash
# asan [FOLDER...|fuzz]: the tests of these folders (none: all) with address and undefined-behaviour checks; fuzz: hostile files for readers
setup
folders=() readers=()
for name in "$@"; do [[ $name == fuzz ]] || folders+=("$name"); done
if (($# == 0 || $# > ${#folders[@]})); then mapfile -t readers < <(fuzz_targets); fi
if (($#)); then checked_build "${folders[@]/#/test_}" "${readers[@]/#/fuzz_}"; else checked_build; fi
if ((${#readers[@]})); then fuzz_readers 2000 "${readers[@]}"; fi
if (($# == 0 || ${#folders[@]})); then run_suites build-asan "${folders[@]}"; fi
