"""sparse_compare.py WORKER FOLDER [--parts csr,bert] [--json FILE] [--rounds N]: Neap's sparse layers beside those of PyTorch and STen, and its sparse encoder
beside ONNX Runtime, which runs the dense one; each in a process of its own, taking turns.

Layers are x W^T + bias with 95 % of W zero, stored by rows; torch.sparse's time is that of its quickest form, which may have x and y with
tokens last, as its kernel likes them; Neap's has them as a network does.
"""
import os
import statistics
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from turns import Side, Table, options, row, show_heading, show_machine, take_turns

HERE = Path(__file__).parent
PARTS = ("csr", "bert")
SHAPES = ((768, 768, 384), (3072, 768, 384), (768, 3072, 384), (768, 768, 1024))
FORMS = {"csr_linear": "torch.sparse, linear", "csr_product": "torch.sparse, x transposed", "csr_columns": "torch.sparse, tokens last"}
STEN_HAS_NO_NMG = "STen's n:m:g layer: no row, since PyPI's sten 0.0.4, the newest, has no n:m:g layout and no kernel for one; its CSR layer stands above"


def version_or_none(package):
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def csr(neap, given, _):
    torch = Side([sys.executable, str(HERE / "sparse_torch_side.py"), str(given.folder), "torch"])
    sten = Side([sys.executable, str(HERE / "sparse_torch_side.py"), str(given.folder), "sten"]) if version_or_none("sten") else None
    for rows, columns, tokens in SHAPES:
        for threads in (1, 2):
            cell = f"csr_{rows}_{columns}_{tokens}_{threads}"
            names = ["dense", *FORMS]
            candidates = [(neap, cell), *[(torch, f"{cell}/{name}") for name in names], *([(sten, f"{cell}/sten")] if sten else [])]
            seconds, failed = take_turns(candidates, given.rounds, turn=0.1)
            for name, why in failed.items():
                print(f"  {name}: {why}", flush=True)
            others = dict(zip([*names, "sten"], seconds[1:]))
            title = f"CSR 95 %, {rows}x{columns}, {tokens} tokens, {threads} thr."
            sparse = {name: others[name] for name in FORMS if others[name]}
            best = min(sparse, key=lambda name: statistics.median(sparse[name]))
            yield row(title, "us", 1e6, seconds[0], sparse[best], FORMS[best], 2.0)
            yield row("  against dense", "us", 1e6, seconds[0], others["dense"], "PyTorch, dense", 4.0)
            if others.get("sten"):
                yield row("  against STen's CSR layer", "us", 1e6, seconds[0], others["sten"], f"STen {version('sten')}", 1.0)
    for side in filter(None, (torch, sten)):
        side.close()
    print(STEN_HAS_NO_NMG if sten else "STen: no rows, since pip could not install sten 0.0.4", flush=True)


def bert(neap, given, threads):
    onnx = Side([sys.executable, str(HERE / "sparse_onnx_side.py"), str(given.folder), str(threads)])
    names = {"bert": "dense", "bert_2:4:16": "2:4:16", "bert_2:8:14": "2:8:14", "bert_1:10:16": "1:10:16", "bert_4x1": "4 x 1 blocks, 90 %"}
    seconds, failed = take_turns([(onnx, "bert"), *[(neap, name) for name in names]], given.rounds)
    for name, why in failed.items():
        print(f"  {name}: {why}", flush=True)
    for ours, what in zip(seconds[1:], names.values()):
        if ours and seconds[0]:
            yield row(f"BERT-base encoder, 8 x 128, {what}", "ms", 1e3, ours, seconds[0], "ONNX Runtime, dense", None)
    for ours, what, target in zip(seconds[2:], list(names.values())[1:], (1.35, None, None, 2.5)):
        if ours and seconds[1]:
            yield row(f"BERT-base encoder, 8 x 128, {what}", "ms", 1e3, ours, seconds[1], "dense Neap", target)
    onnx.close()


def main():
    parser = options(rounds=9)
    parser.add_argument("--parts", default=",".join(PARTS), help=f"some of {', '.join(PARTS)}")
    given = parser.parse_args()
    threads = min(2, len(os.sched_getaffinity(0)))
    show_machine(f"{threads} where no number is named", f"PyTorch {version('torch')}, ONNX Runtime {version('onnxruntime')}, STen {version_or_none('sten')}")
    show_heading()
    neap = Side([given.worker, str(given.folder)])
    wanted, table = given.parts.split(","), Table()
    if "bert" in wanted:
        neap.seconds("bert")  # leaves the network, and the result that the other is checked against
    for columns in SHAPES if "csr" in wanted else ():
        neap.seconds("csr_{}_{}_{}_1".format(*columns))
    for name in wanted:
        table.add({"csr": csr, "bert": bert}[name](neap, given, threads))
    neap.close()
    table.write(given.json)


main()
