#!/usr/bin/env bash
# Neap's sparse layers against torch.sparse and STen, and its BERT encoder against ONNX Runtime, in an environment of their own,
# build/peers/sparse, kept from run to run. Run by `./dev bench sparse peers [--parts NAME,...] [--json FILE] [--rounds N]`, which builds
# build/bench_sparse_worker first. STen is installed without what it asks for: its layers need PyTorch, numpy and scipy only.
set -euo pipefail
source bench/peers/environment.bash
environment sparse torch==2.13.0 onnxruntime numpy scipy || exit 2
python=build/peers/sparse/bin/python
"$python" -c "import importlib.metadata as m; assert m.version('sten') == '0.0.4'" 2>/dev/null ||
  "$python" -m pip install -q --no-deps sten==0.0.4 || echo "STen takes no part: pip cannot install it" >&2
exec "$python" bench/peers/sparse_compare.py build/bench_sparse_worker build/peers/sparse_models "$@"
