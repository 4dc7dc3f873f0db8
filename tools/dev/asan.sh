#!/usr/bin/env bash
# asan [FOLDER...]: the tests of these folders (none: all) with address and undefined-behaviour checks
setup
configure build-asan -DNEAP_SANITIZE=address,undefined
targets=("${@/#/test_}")
say "building with sanitizers"
compile build-asan "${targets[@]}"
# Libraries that were built without the sanitizer hand out containers whose ends it cannot know.
export ASAN_OPTIONS=detect_container_overflow=0:strict_string_checks=1:abort_on_error=0 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
run_suites build-asan "$@"
