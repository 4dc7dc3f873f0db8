#!/usr/bin/env python3
"""Makes test cases of the PP-OCRv4 networks with ONNX Runtime, in the layout of ONNX's own test data: OUT/NAME/model.onnx,
OUT/NAME/test_data_set_K/{input,output}_0.pb. tests/onnx/models_test.cpp runs them where NEAP_ONNX_MODELS names OUT.

    python3 tests/onnx/peers/ocr_cases.py FOLDER OUT      (FOLDER has the three networks; `./dev models` fetches them and calls this)
"""
import pathlib
import shutil
import sys

import numpy as np
import onnxruntime
from onnx import numpy_helper

SIZES = {
    "detection": ("ch_PP-OCRv4_det_infer.onnx", [(1, 3, 64, 96), (2, 3, 96, 32)]),
    "direction": ("ch_ppocr_mobile_v2.0_cls_infer.onnx", [(1, 3, 48, 192), (3, 3, 48, 96)]),
    "recognition": ("ch_PP-OCRv4_rec_infer.onnx", [(1, 3, 48, 64), (2, 3, 48, 100)]),
}


def main(models: pathlib.Path, out: pathlib.Path) -> None:
    for name, (file, sizes) in SIZES.items():
        folder = out / name
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(models / file, folder / "model.onnx")
        session = onnxruntime.InferenceSession(str(models / file), providers=["CPUExecutionProvider"])
        for number, size in enumerate(sizes):
            x = np.random.default_rng(number).normal(0, 1, size).astype(np.float32)
            y = session.run(None, {session.get_inputs()[0].name: x})[0]
            data = folder / f"test_data_set_{number}"
            data.mkdir(exist_ok=True)
            for kind, array in (("input", x), ("output", y)):
                (data / f"{kind}_0.pb").write_bytes(numpy_helper.from_array(array).SerializeToString())
            print(f"{name}: {size} gives {y.shape}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
