#!/usr/bin/env bash
# Neap's training steps of graph networks against PyTorch Geometric and DGL, each in an environment of its own, build/peers/{pyg,dgl}, kept
# from run to run. Run by `./dev bench gnn peers [--quick] [--cells REGEX] [--json FILE] [--rounds N]`, which builds build/bench_gnn_worker first;
# `./dev bench gnn peers agreement` lets PyG compute anew what tests/nn/peers_test.cpp expects of every layer, and runs that.
# PyG comes without torch_sparse and pyg_lib, of which PyPI has no CPU builds: its sparse matrices are PyTorch's. DGL 1.1 is the last
# that runs beside any PyTorch: later ones hold libraries for the versions of PyTorch that there were, and refuse others.
set -euo pipefail
source bench/peers/environment.bash
environment pyg torch==2.13.0 torch_geometric==2.8.1 numpy || exit 2
if [[ ${1:-} == agreement ]]; then
  build/peers/pyg/bin/python tests/nn/peers/pyg_cases.py build/peers/pyg_cases.npz
  NEAP_GNN_PEERS=build/peers/pyg_cases.npz exec build/test_nn --gtest_filter='*Peer*' --gtest_brief=1
fi
dgl=build/peers/dgl/bin/python
environment dgl torch==2.13.0 dgl==1.1.3 packaging "numpy<2" || dgl=none
data=build/peers/graphs
build/bench_gnn_worker write "$data"
exec build/peers/pyg/bin/python bench/peers/gnn_compare.py build/bench_gnn_worker "$dgl" "$data" "$@"
