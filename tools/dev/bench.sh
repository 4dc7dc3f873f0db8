#!/usr/bin/env bash
# bench [core|gnn|sparse|peers|build] [...]: measures against targets; prints a table, --json FILE keeps it
# core, gnn and sparse take the names of topics (`./dev bench core --list`), or `gnn peers`, `sparse peers`; the peers are set up in environments of their own.
suite=${1:-core}
[[ $# -gt 0 ]] && shift
setup
[[ $suite == build ]] && exec bash bench/build.sh "$@"
configure build -DNEAP_BENCH=ON
say "building"
[[ $suite =~ ^(gnn|sparse)$ && ${1:-} == peers ]] && suite="$suite peers" && shift
case $suite in
  core | gnn | sparse)
    compile build "bench_$suite"
    exec "build/bench_$suite" "$@"
    ;;
  "gnn peers")
    [[ ${1:-} == agreement ]] && target=test_nn || target=bench_gnn_worker
    compile build "$target"
    exec bash bench/gnn_peers.sh "$@"
    ;;
  "sparse peers")
    compile build bench_sparse_worker
    exec bash bench/sparse_peers.sh "$@"
    ;;
  peers)
    compile build bench_worker
    exec bash bench/peers.sh "$@"
    ;;
  *) fail "'$suite' is no suite" "core, gnn, sparse, peers or build" ;;
esac
