"""sparse_onnx_side.py FOLDER THREADS: the dense encoder that bench_sparse_worker wrote, in ONNX Runtime with all of its graph optimizations."""
import sys
from pathlib import Path

from onnx_session import checked
from side import answer

FOLDER, THREADS = Path(sys.argv[1]), int(sys.argv[2])


def bert():
    return checked(FOLDER / "bert.onnx", THREADS, FOLDER / "bert_x.npy", FOLDER / "bert_y.npy", rtol=1e-3, atol=1e-3)


answer({"bert": bert})
