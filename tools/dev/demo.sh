#!/usr/bin/env bash
# demo [--quick] [--out DIR] [...]: sets up, builds, and trains the demo network on Fashion-MNIST; the report goes to --out
setup
configure build
say "building"
compile build neap_main
exec build/neap demo "$@"
