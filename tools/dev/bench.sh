#!/usr/bin/env bash
# bench [core|peers|...] [...]: measures against targets; prints a table, --json FILE keeps it
# A suite is either bench/SUITE.sh (what sets peers up in an environment of its own) or a suite of `neap bench`.
suite=${1:-core}
[[ $# -gt 0 ]] && shift
[[ $suite =~ ^[a-z_]+$ ]] || fail "'$suite' is no name of a suite" "for example core or peers"
setup
configure build
say "building"
compile build
if [[ -f bench/$suite.sh ]]; then
  exec bash "bench/$suite.sh" "$@"
fi
exec build/neap bench "$suite" "$@"
