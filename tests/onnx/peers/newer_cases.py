#!/usr/bin/env python3
"""Writes the conformance cases of the installed ONNX, as its own tools do. tests/onnx/conformance_test.cpp runs them where
NEAP_ONNX_NEWER_TESTDATA names OUT.

    python3 tests/onnx/peers/newer_cases.py OUT      (`./dev models` calls this)
"""
import argparse
import pathlib
import shutil
import sys
import warnings

from onnx.backend.test import cmd_tools
from onnx.backend.test.case import node


def main(out: str) -> None:
    warnings.simplefilter("ignore")
    cases = node.collect_testcases(None)
    cmd_tools.model_test.collect_testcases = lambda: cases  # of nodes; its own are of whole models
    cmd_tools.generate_data(argparse.Namespace(output=out))
    for group in ("simple", "pytorch-converted", "pytorch-operator"):  # come with the package
        shutil.copytree(pathlib.Path(cmd_tools.DATA_DIR) / group, pathlib.Path(out) / group)


if __name__ == "__main__":
    main(sys.argv[1])
