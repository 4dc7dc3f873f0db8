#!/usr/bin/env python3
"""Runs models that Neap wrote in ONNX Runtime and compares the results with Neap's.

    NEAP_ONNX_DUMP=DIR build/test_onnx --gtest_filter='RoundTrip.*'
    python3 tests/onnx/peers/check_written.py DIR        (needs the Python packages onnx, onnxruntime, numpy)
"""
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper


def tensors(folder: pathlib.Path, kind: str) -> list[np.ndarray]:
    found = []
    while (path := folder / f"{kind}_{len(found)}.pb").exists():
        found.append(numpy_helper.to_array(onnx.load_tensor(str(path))))
    return found


def check(case: pathlib.Path) -> str:
    """Nothing, or what is wrong."""
    model = onnx.load(str(case / "model.onnx"))
    try:
        onnx.checker.check_model(model, full_check=True)
    except Exception as error:
        return f"the checker says: {error}"
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(str(case / "model.onnx"), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        return f"unsupported: {error}"
    data = case / "test_data_set_0"
    inputs = dict(zip((i.name for i in session.get_inputs()), tensors(data, "input")))
    for number, (got, wanted) in enumerate(zip(session.run(None, inputs), tensors(data, "output"))):
        if got.shape != wanted.shape:
            return f"output {number} has shape {got.shape}, not {wanted.shape}"
        if not np.allclose(got.astype(np.float64), wanted.astype(np.float64), rtol=1e-3, atol=1e-4, equal_nan=True):
            return f"output {number} differs"
    return ""


def main(folder: pathlib.Path) -> int:
    good = unsupported = bad = 0
    for case in sorted(folder.iterdir()):
        try:
            problem = check(case)
        except Exception as error:
            problem = f"fails: {error}"
        if not problem:
            good += 1
        elif problem.startswith("unsupported"):
            unsupported += 1
            print(case.name, problem.splitlines()[0][:160])
        else:
            bad += 1
            print(case.name, problem.splitlines()[0][:300])
    print(f"{good} agree, {unsupported} are not implemented in ONNX Runtime {onnxruntime.__version__}, {bad} are wrong")
    return bad > 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(pathlib.Path(sys.argv[1])))
