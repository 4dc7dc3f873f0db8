#!/usr/bin/env bash
# test [CTEST_OPTION...]: sets up, builds and runs every test; -R NAME runs those of that name
setup
configure build
say "building"
compile build
run_tests build "$@"
