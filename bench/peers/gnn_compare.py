"""gnn_compare.py WORKER DGL_PYTHON FOLDER [--quick] [--cells REGEX] [--forms NAME,...] [--rounds N] [--json FILE]: Neap's training steps of graph networks beside
those of PyTorch Geometric and DGL, on the same graphs, from the same parameters, with the same loss; and the memory that they take.

Each cell is set against the quickest of PyG with an edge list, PyG with a sparse matrix, and DGL. In Neap's first row the graph's lists are
the same in every step, and what is made of them alone is made once (the peers hold their formats of the graph likewise: DGL makes all ahead
of the first step); features are given anew. In the second these are fixed too, as in `neap train gnn`: the first layer's aggregate is
computed once.
"""
import argparse
import math
import os
import re
import statistics
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from gnn_cells import gat_cells, gcn_cells
from turns import Side, Table, row, show_heading, show_machine, take_turns

HERE = Path(__file__).parent
QUICK = "arxiv_gcn_2_64|denser_gcn_2_16|arxiv_gat_8_8"
MEMORY = ("arxiv_gcn_2_64", "arxiv_gcn_2_256", "denser_gcn_2_16", "denser_gcn_2_64")
EVERYWHERE, GCN_BEST, GAT_BEST, MEMORY_PART = 1.5, 2.43, 1.94, 0.25
WIDEST_LIST = 64  # an edge list's messages grow with the width, and it is never the quickest behind this
PEERS = {"csr": "PyG, CSR", "edge_list": "PyG, edge list", "dgl": "DGL", "dgl_scaled": "DGL, scaled rows"}


def available_bytes():
    return next(int(line.split()[1]) * 1024 for line in open("/proc/meminfo") if line.startswith("MemAvailable"))


class Sides:
    def __init__(self, given, threads):
        self.given, self.threads = given, str(threads)
        self.dgl_version = self.find_dgl()

    def find_dgl(self):
        """DGL's version, or nothing, having said why it takes no part."""
        if self.given.dgl == "none":
            print("DGL takes no part: pip could not install it (build/peers/dgl.log)")
            return None
        asked = subprocess.run([self.given.dgl, "-c", "import os; os.environ['DGLBACKEND'] = 'pytorch'; import dgl; print(dgl.__version__)"],
                               capture_output=True, text=True)
        if asked.returncode != 0:
            print("DGL takes no part: it does not start:", asked.stderr.strip().splitlines()[-1][:200])
            return None
        return asked.stdout.strip()

    def neap(self):
        return Side([self.given.worker, str(self.given.folder)])

    def pyg(self):
        limit = str(available_bytes() // 2)
        return Side([sys.executable, str(HERE / "pyg_side.py"), str(self.given.folder), self.threads, limit])

    def dgl(self):
        return Side([self.given.dgl, str(HERE / "dgl_side.py"), str(self.given.folder), self.threads]) if self.dgl_version else None


def title(cell):
    graph, model, first, second = cell.split("_")
    return f"{graph}, GCN {first} layers, {second} wide" if model == "gcn" else f"{graph}, GAT {first} heads x {second}"


def compare(cell, neap, pyg, dgl, rounds, forms):
    """Rows of one cell; ours against the quickest peer."""
    own = [(neap, cell)] + ([(neap, f"{cell}/kept")] if cell in gcn_cells() else [])
    gcn = cell in gcn_cells()
    fits = {"csr": gcn, "edge_list": not gcn or gcn_cells()[cell][-1] <= WIDEST_LIST, "dgl": True, "dgl_scaled": gcn}
    peers = [(dgl if "dgl" in form else pyg, f"{cell}/{form}") for form in forms if fits[form] and (dgl or "dgl" not in form)]
    seconds, failed = take_turns(own + peers, rounds, turn=0.2, ours=len(own), within=1.3)
    for name, why in failed.items():
        print(f"  {name}: {why}", flush=True)
    known = {name.split("/")[1]: values for (_, name), values in zip(peers, seconds[len(own):]) if values}
    if not known or seconds[0] is None:
        return
    best = min(known, key=lambda name: statistics.median(known[name]))
    rest = ", ".join(f"{PEERS[name]} {statistics.median(values) * 1e3:.0f} ms" for name, values in known.items() if name != best)
    yield row(title(cell), "ms", 1e3, seconds[0], known[best], PEERS[best], EVERYWHERE)
    if len(own) > 1 and seconds[1]:
        yield row("  first aggregate kept", "ms", 1e3, seconds[1], known[best], PEERS[best], None)
    if rest:
        print(f"    besides: {rest}", flush=True)


def memory(cell, sides):
    """What a step adds to a process that has nothing but its libraries: graph, features, parameters and all that is between."""
    peaks = []
    for side, name in ((sides.neap(), cell), (sides.pyg(), f"{cell}/edge_list")):
        try:
            side.seconds(name)
            peaks.append(side.peak(name))
        except RuntimeError as error:
            print(f"  {name}: {error}", flush=True)
        side.close()
    if len(peaks) == 2:
        yield row(f"memory, {title(cell)}", "MB", 1e-6, peaks[:1], peaks[1:], PEERS["edge_list"], 1 / MEMORY_PART)


def summary(rows, kind, best):
    for name, chosen in ((kind, [one for one in rows if kind in one["name"] and one["metric"] == "ms"]),
                         (f"{kind}, kept", [after for one, after in zip(rows, rows[1:]) if kind in one["name"] and "kept" in after["name"]])):
        if not chosen:
            continue
        ratios = [one["ratio"] for one in chosen]
        for what, value, target in (("best cell", max(ratios), best), ("geometric mean", math.exp(statistics.fmean(map(math.log, ratios))), None),
                                    ("worst cell", min(ratios), EVERYWHERE)):
            yield {"name": f"{name}: {what}", "metric": "ratio", "ours": value, "other": None, "other_name": "", "ratio": value, "spread": 0.0,
                   "target": target}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("worker")
    parser.add_argument("dgl")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cells", default="", help="regular expression: only cells whose names it is found in")
    parser.add_argument("--quick", action="store_true", help=f"only {QUICK.replace('|', ', ')}")
    parser.add_argument("--forms", default=",".join(PEERS), help=f"some of {', '.join(PEERS)}")
    parser.add_argument("--no-memory", action="store_true")
    given = parser.parse_args()
    threads = min(2, len(os.sched_getaffinity(0)))
    sides = Sides(given, threads)
    show_machine(threads, f"PyTorch {version('torch')}, PyG {version('torch_geometric')} (edge list; torch.sparse CSR, without torch_sparse and "
                          f"pyg_lib), DGL {sides.dgl_version or 'not there'}")
    show_heading()
    wanted = re.compile(QUICK if given.quick and not given.cells else given.cells)
    neap, pyg, dgl = sides.neap(), sides.pyg(), sides.dgl()
    table = Table()
    for cell in filter(wanted.search, [*gcn_cells(), *gat_cells()]):
        table.add(compare(cell, neap, pyg, dgl, given.rounds, given.forms.split(",")))
        for side in filter(None, (neap, pyg, dgl)):
            side.forget()
    for side in filter(None, (neap, pyg, dgl)):
        side.close()
    if not given.no_memory:
        for cell in filter(wanted.search, MEMORY):
            table.add(memory(cell, sides))
    table.add([*summary(table.rows, "GCN", GCN_BEST), *summary(table.rows, "GAT", GAT_BEST)])
    table.write(given.json)


main()
