"""What the comparisons share: sides, each a process of its own, that take turns; ratios of what they took; rows against targets.

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
from pathlib import Path


class Side:
    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        line = self.process.stdout.readline().strip()
        if line != "ready":
            sys.exit(f"turns: {command} did not start: {line}")

    def ask(self, first, second):
        try:
            self.process.stdin.write(f"{first} {second}\n")
        except BrokenPipeError:
            pass  # the empty answer tells
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"its process has ended, by {self.process.wait()}")
        if line.startswith("failed:"):
            raise RuntimeError(line[len("failed:"):].strip())
        return float(line)

    def seconds(self, name, calls=1):
        return self.ask(name, calls)

    def peak(self, name):
        return self.ask("peak", name)

    def forget(self):
        self.ask("forget", "all")

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def take_turns(candidates, rounds, turn=0.3, ours=1, within=None):
    """candidates: [(side, name)] -> seconds a call, by candidate and round, and what went wrong; None for one that fails. `within`: of
    those behind the first `ours`, only the quickest, and such as are within this factor of it, take more than one turn."""
    once, failed = [], {}
    for side, name in candidates:
        try:
            once.append(side.seconds(name))  # makes and warms up
        except RuntimeError as error:
            failed[name] = str(error)
            once.append(None)
    seconds = [[] for _ in candidates]
    plays = [one is not None for one in once]
    if within:
        quickest = min((one for one in once[ours:] if one is not None), default=0)
        for i in range(ours, len(candidates)):
            if plays[i] and once[i] > within * quickest:
                plays[i], seconds[i] = False, [once[i]]
    for number in range(rounds):
        order = [i for i in range(len(candidates)) if plays[i]]
        for i in order if number % 2 == 0 else reversed(order):
            side, name = candidates[i]
            seconds[i].append(side.seconds(name, max(1, min(10000, int(turn / once[i])))))
    return [values or None for values in seconds], failed


def quartiles(values):
    return statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else [values[0]] * 3


def row(name, unit, scale, ours, other, other_name, target):
    low, middle, high = quartiles([b / a for a, b in zip(ours, other)])
    ours_median, other_median = statistics.median(ours), statistics.median(other)
    return {"name": name, "metric": unit, "ours": ours_median * scale, "other": other_median * scale, "other_name": other_name,
            "ratio": other_median / ours_median, "spread": (high - low) / middle, "target": target}


def show_machine(threads, versions):
    processor = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
    print(f"machine   {processor}, {os.cpu_count()} cores; threads {threads}")
    print(f"versions  {versions}, Python {platform.python_version()}, {platform.system()} {platform.release()}")
    print("load      {:.1f} {:.1f} {:.1f} (1, 5, 15 minutes, before this run)\n".format(*os.getloadavg()))


def show_heading():
    print(f"{'what':<40} {'metric':>6} {'ours':>9} {'other':>9}  {'(who)':<30} {'ratio':>7} {'spread':>6} {'target':>6}", flush=True)


def show(one):
    def number(value):
        return "-" if value is None else f"{value:.4g}"

    verdict = "" if one["target"] is None else "  met" if one["ratio"] >= one["target"] else "  MISSED"
    print(f"{one['name']:<40} {one['metric']:>6} {number(one['ours']):>9} {number(one['other']):>9}  {one['other_name']:<30} "
          f"{number(one['ratio']):>7} {one['spread'] * 100:5.0f}% {number(one['target']):>6}{verdict}", flush=True)


def options(rounds):
    """The arguments that all comparisons take before and behind their own."""
    parser = argparse.ArgumentParser()
    parser.add_argument("worker")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--rounds", type=int, default=rounds)
    return parser


class Table:
    """Rows, shown as they come and written in the end where a file is asked for."""

    def __init__(self):
        self.rows = []

    def add(self, more):
        for one in more:
            show(one)
            self.rows.append(one)

    def write(self, path):
        if path:
            path.write_text(json.dumps(self.rows, indent=1) + "\n")
