#!/usr/bin/env bash
# build [TARGET...]: builds everything, or these targets, in build/
setup
configure build
compile build "$@"
