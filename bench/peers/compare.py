"""compare.py WORKER FOLDER [--json FILE] [--rounds N]: Neap beside PyTorch and ONNX Runtime, each in a process of its own, taking turns.

A turn is at least a third of a second of one candidate's calls; ratios are of medians over the rounds; spread is the interquartile range
of the rounds' ratios over their median. A target is met where ratio >= target.
"""
import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent


class Side:
    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        line = self.process.stdout.readline().strip()
        if line != "ready":
            sys.exit(f"compare: {command} did not start: {line}")

    def seconds(self, name, calls=1):
        self.process.stdin.write(f"{name} {calls}\n")
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"compare: the process for {name} ended")
        if line.startswith("failed:"):
            raise RuntimeError(line[len("failed:"):].strip())
        return float(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def take_turns(candidates, rounds, turn=0.3):
    """candidates: [(side, name)] -> seconds a call, by candidate and round; None for one that fails."""
    calls, failed = [], {}
    for side, name in candidates:
        try:
            side.seconds(name)  # makes and warms up
            calls.append(max(1, min(10000, int(turn / side.seconds(name)))))
        except RuntimeError as error:
            failed[name] = str(error)
            calls.append(0)
    seconds = [[] for _ in candidates]
    for number in range(rounds):
        order = list(range(len(candidates)))
        for i in order if number % 2 == 0 else reversed(order):
            if calls[i]:
                seconds[i].append(candidates[i][0].seconds(candidates[i][1], calls[i]))
    return [values or None for values in seconds], failed


def quartiles(values):
    return statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else [values[0]] * 3


def row(name, unit, scale, ours, other, other_name, target):
    low, middle, high = quartiles([b / a for a, b in zip(ours, other)])
    ours_median, other_median = statistics.median(ours), statistics.median(other)
    return {"name": name, "metric": unit, "ours": ours_median * scale, "other": other_median * scale, "other_name": other_name,
            "ratio": other_median / ours_median, "spread": (high - low) / middle, "target": target}


def show(one):
    def number(value):
        return "-" if value is None else f"{value:.4g}"

    verdict = "" if one["target"] is None else "  met" if one["ratio"] >= one["target"] else "  MISSED"
    print(f"{one['name']:<40} {one['metric']:>6} {number(one['ours']):>9} {number(one['other']):>9}  {one['other_name']:<30} "
          f"{number(one['ratio']):>7} {one['spread'] * 100:5.0f}% {number(one['target']):>6}{verdict}", flush=True)


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
    parser = argparse.ArgumentParser()
    parser.add_argument("worker")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--rounds", type=int, default=9)
    given = parser.parse_args()
    threads = min(2, len(os.sched_getaffinity(0)))
    processor = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
    print(f"machine   {processor}, {os.cpu_count()} cores; threads {threads}, depthwise 1")
    print(f"versions  PyTorch {version('torch')}, ONNX Runtime {version('onnxruntime')}, numpy {version('numpy')}, "
          f"Python {platform.python_version()}, {platform.system()} {platform.release()}")
    print("load      {:.1f} {:.1f} {:.1f} (1, 5, 15 minutes, before this run)\n".format(*os.getloadavg()))
    print(f"{'what':<40} {'metric':>6} {'ours':>9} {'other':>9}  {'(who)':<30} {'ratio':>7} {'spread':>6} {'target':>6}", flush=True)
    neap = Side([given.worker, str(given.folder)])
    neap.seconds("inference_1")  # leaves the logits that the others are checked against
    neap.seconds("inference_128")
    neap.seconds("detection_1")
    torch = Side([sys.executable, str(HERE / "torch_side.py"), str(given.folder), str(threads)])
    onnx = Side([sys.executable, str(HERE / "onnx_side.py"), str(given.folder), str(threads)])
    rows = []
    for part in (inference(neap, onnx, given.rounds), detection(neap, onnx, given.rounds),
                 depthwise(neap, onnx, given.rounds, given.folder), chain(neap, torch, given.rounds),
                 training_step(neap, torch, given.rounds)):
        for one in part:
            show(one)
            rows.append(one)
    for side in (neap, torch, onnx):
        side.close()
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n")


main()
