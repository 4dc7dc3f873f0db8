"""compare.py WORKER FOLDER [--parts NAME,...] [--json FILE] [--rounds N]: Neap beside PyTorch and ONNX Runtime, each in a process of its own, taking turns."""
import os
import statistics
import sys
from importlib.metadata import version
from pathlib import Path

from turns import Side, Table, options, row, show_heading, show_machine, take_turns

HERE = Path(__file__).parent
PARTS = ("inference", "detection", "depthwise", "chain", "training")


def training_step(neap, torch, rounds):
    variants = ["eager", "eager_channels_last", "compile", "compile_channels_last"]
    results, failed = take_turns([(neap, "training_step")] + [(torch, f"training_step/{name}") for name in variants], rounds)
    for name, why in failed.items():
        print(f"{name}: PyTorch failed: {why}", flush=True)
    ours, others = results[0], dict(zip(variants, results[1:]))
    for kind, target in (("eager", 1.5), ("compile", 1.0)):
        known = {name: values for name, values in others.items() if name.startswith(kind) and values}
        if known:
            better = min(known, key=lambda name: statistics.median(known[name]))
            yield row("training step, batch 128", "ms", 1e3, ours, known[better], f"PyTorch {better}", target)


def chain(neap, torch, rounds):
    (ours, other), _ = take_turns([(neap, "chain"), (torch, "chain/eager")], rounds)
    yield row("chain of 8 on 10^6 elements, at once", "us", 1e6, ours, other, "PyTorch eager", 1.0)
    for name in ("sums of rows", "sums of columns"):
        kind = name.replace(" ", "_")
        (ours, other), _ = take_turns([(neap, kind), (torch, f"{kind}/eager")], rounds)
        yield row(f"{name}, 1000x1000, at once", "us", 1e6, ours, other, "PyTorch eager", 1.0)


def inference(neap, onnx, rounds):
    for batch in (1, 128):
        (ours, other), _ = take_turns([(neap, f"inference_{batch}"), (onnx, f"inference_{batch}")], rounds)
        yield row(f"demo network's inference, batch {batch}", "us", 1e6, ours, other, "ONNX Runtime", 1.0)


def detection(neap, onnx, rounds):
    for threads in (1, 2):
        name = f"detection_{threads}"
        (ours, other), failed = take_turns([(neap, name), (onnx, name)], rounds)
        for why in failed.values():
            print(f"{name} failed: {why}", flush=True)
        if ours and other:
            yield row(f"PP-OCRv4 detection at 640x640, {threads} threads", "ms", 1e3, ours, other, "ONNX Runtime", 0.7)


def depthwise(neap, onnx, rounds, folder):
    product, count = 1.0, 0
    for path in sorted(folder.glob("depthwise_*_1.onnx")):
        name = path.stem[:-2]
        (ours, one, six), _ = take_turns([(neap, name), (onnx, f"{name}_1"), (onnx, f"{name}_6")], rounds, 0.1)
        other = [(b - a) / 5 for a, b in zip(one, six)]
        made = row(f"{name.replace('_', ' ')} + bias + swish", "us", 1e6, ours, other, "ONNX Runtime, a layer of six", 1.0)
        product, count = product * made["ratio"], count + 1
        yield made
    mean = product ** (1 / count)
    yield {"name": "depthwise, geometric mean", "metric": "ratio", "ours": mean, "other": None, "other_name": "", "ratio": mean,
           "spread": 0.0, "target": 1.3}


def main():
    parser = options(rounds=9)
    parser.add_argument("--parts", default=",".join(PARTS), help=f"some of {', '.join(PARTS)}")
    given = parser.parse_args()
    threads = min(2, len(os.sched_getaffinity(0)))
    show_machine(f"{threads}, depthwise 1", f"PyTorch {version('torch')}, ONNX Runtime {version('onnxruntime')}, numpy {version('numpy')}")
    show_heading()
    neap = Side([given.worker, str(given.folder)])
    neap.seconds("inference_1")  # leaves the logits that the others are checked against
    neap.seconds("inference_128")
    neap.seconds("detection_1")
    torch = Side([sys.executable, str(HERE / "torch_side.py"), str(given.folder), str(threads)])
    onnx = Side([sys.executable, str(HERE / "onnx_side.py"), str(given.folder), str(threads)])
    table = Table()
    parts = {"inference": lambda: inference(neap, onnx, given.rounds), "detection": lambda: detection(neap, onnx, given.rounds),
             "depthwise": lambda: depthwise(neap, onnx, given.rounds, given.folder), "chain": lambda: chain(neap, torch, given.rounds),
             "training": lambda: training_step(neap, torch, given.rounds)}
    for name in given.parts.split(","):
        table.add(parts[name]())
    for side in (neap, torch, onnx):
        side.close()
    table.write(given.json)


main()
