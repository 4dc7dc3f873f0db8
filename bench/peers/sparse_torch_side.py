"""sparse_torch_side.py FOLDER torch|sten: the layers of bench_sparse_worker in PyTorch, dense and by torch.sparse's CSR; or in STen, whose CSR layer it is."""
import sys
from pathlib import Path

import numpy
import torch
from side import answer
from torch.nn import functional as F

FOLDER, KIND = Path(sys.argv[1]), sys.argv[2]
TOKENS_LAST = {"csr_columns"}  # forms that take x as the operator likes it best, [columns, tokens], and leave y so


def arrays(folder):
    return [torch.from_numpy(numpy.load(folder / f"{name}.npy")) for name in ("weights", "bias", "x", "y")]


def forms(weights, bias, x):
    """name -> what gives y [tokens, rows], or its transpose."""
    csr, columns = weights.to_sparse_csr(), x.T.contiguous()
    return {"dense": lambda: F.linear(x, weights, bias), "csr_linear": lambda: F.linear(x, csr, bias),
            "csr_product": lambda: torch.sparse.mm(csr, x.T).T + bias,
            "csr_columns": lambda: torch.sparse.mm(csr, columns) + bias[:, None]}


def sten_layer(weights, bias, x):
    import sten

    layer = torch.nn.Linear(weights.shape[1], weights.shape[0])
    with torch.no_grad():
        layer.weight.copy_(weights)
        layer.bias.copy_(bias)
    layer.weight = sten.SparseParameterWrapper(sten.torch_tensor_to_csr(sten.KeepAll(), layer.weight.detach()))
    return lambda: layer(x)


def work(cell, form, threads):
    def make():
        weights, bias, x, wanted = arrays(FOLDER / cell)
        torch.set_num_threads(threads)
        run = sten_layer(weights, bias, x) if form == "sten" else forms(weights, bias, x)[form]

        def step():
            torch.set_num_threads(threads)
            with torch.no_grad():
                return run()

        got = step()
        got = got.T if form in TOKENS_LAST else got
        assert torch.allclose(got, wanted, rtol=1e-3, atol=1e-3), f"results differ by {(got - wanted).abs().max()}"
        return step

    return make


cells = [path.name for path in FOLDER.glob("csr_*")]
names = ["sten"] if KIND == "sten" else ["dense", "csr_linear", "csr_product", "csr_columns"]
makers = {f"{cell}_{threads}/{form}": work(cell, form, threads) for cell in cells for threads in (1, 2) for form in names}
answer(makers, one_thread=[name for name in makers if "_1/" in name])
