"""The same models in ONNX Runtime, with all of its graph optimizations."""
import sys
from pathlib import Path

import numpy
from onnx_session import checked, session
from side import answer

FOLDER = Path(sys.argv[1])
THREADS = int(sys.argv[2])


def inference(batch):
    return lambda: checked(FOLDER / f"inference_{batch}.onnx", THREADS, FOLDER / f"pictures_{batch}.npy", FOLDER / f"logits_{batch}.npy",
                           rtol=1e-3, atol=1e-4)


def layers(path):
    def make():
        made = session(path, 1)
        entry = made.get_inputs()[0]
        given = {entry.name: numpy.random.default_rng(1).uniform(-1, 1, entry.shape).astype(numpy.float32)}
        return lambda: made.run(None, given)

    return make


def detection(threads):
    return lambda: checked(FOLDER / "detection.onnx", threads, FOLDER / "detection_picture.npy", FOLDER / "detection_map.npy",
                           rtol=1e-2, atol=1e-3)


chains = {f"{path.stem}": layers(path) for path in FOLDER.glob("depthwise_*.onnx")}
answer({"inference_1": inference(1), "inference_128": inference(128), "detection_1": detection(1), "detection_2": detection(2),
        **chains}, one_thread=chains.keys())
