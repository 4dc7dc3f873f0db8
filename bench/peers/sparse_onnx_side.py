"""sparse_onnx_side.py FOLDER THREADS: the dense encoder that bench_sparse_worker wrote, in ONNX Runtime with all of its graph optimizations."""
import sys
from pathlib import Path

import numpy
from onnx_session import session
from side import answer

FOLDER, THREADS = Path(sys.argv[1]), int(sys.argv[2])


def bert():
    made = session(FOLDER / "bert.onnx", THREADS)
    given = {made.get_inputs()[0].name: numpy.load(FOLDER / "bert_x.npy")}
    got, wanted = made.run(None, given)[0], numpy.load(FOLDER / "bert_y.npy")
    assert numpy.allclose(got, wanted, rtol=1e-3, atol=1e-3), f"results differ by {abs(got - wanted).max()}"
    return lambda: made.run(None, given)


answer({"bert": bert})
