#!/usr/bin/env bash
# bench [core|gnn|peers] [...]: measures against targets; prints a table, --json FILE keeps it
# core and gnn take the names of topics (`./dev bench core --list`); bench/peers.sh sets the peers up in an environment of its own.
suite=${1:-core}
[[ $# -gt 0 ]] && shift
setup
configure build -DNEAP_BENCH=ON
say "building"
case $suite in
  core | gnn)
    compile build "bench_$suite"
    exec "build/bench_$suite" "$@"
    ;;
  peers)
    compile build bench_worker
    exec bash bench/peers.sh "$@"
    ;;
  *) fail "'$suite' is no suite" "core, gnn or peers" ;;
esac
