#!/usr/bin/env bash
# tsan [FOLDER...]: the tests of these folders (none: those with threads) with data-race checks
# The barriers of GCC's OpenMP library are not seen by the checker, which then reports races that are not there: parallel loops run on one
# thread here, and what is checked is everything that starts or meets threads of its own (loader, caches, checkpoints, compiled functions).
setup
configure build-tsan -DNEAP_SANITIZE=thread
[[ $# -gt 0 ]] || set -- base data runtime tensor train
say "building with the thread sanitizer"
compile build-tsan "${@/#/test_}"
export OMP_NUM_THREADS=1 NEAP_THREADS=1 TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1
run_suites build-tsan "$@"
