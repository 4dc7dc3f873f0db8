"""The steps of bench_gnn_worker in PyTorch Geometric: with an edge list, and with a sparse matrix (PyTorch's CSR, by MKL or its own loops)."""
import sys
import warnings
from pathlib import Path

import torch
from gnn_cells import HEADS, Data, gat_cells, gcn_cells, refuse_beyond, start, training_step
from side import answer
from torch.nn import functional as F
from torch_geometric.nn import GATConv, GCNConv

FOLDER = Path(sys.argv[1])
LIMIT = float(sys.argv[3])
torch.set_num_threads(int(sys.argv[2]))
warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta")


def edge_list(data):
    return torch.stack([data.columns.long(), data.targets()]), data.weights


def sparse_matrix(data):
    size = (data.vertices, data.vertices)
    return torch.sparse_csr_tensor(data.offsets, data.columns.long(), data.weights, size, check_invariants=False), None


def gcn(cell, graph, layers, hidden, form):
    def make():
        data = Data(FOLDER / graph)
        if form is edge_list:
            refuse_beyond(LIMIT, len(data.columns), hidden, 3)
        edges, weights = form(data)
        widths = [data.features.shape[1], *[hidden] * (layers - 1), data.classes]
        convs = [GCNConv(a, b, normalize=False) for a, b in zip(widths, widths[1:])]
        named = {}
        for i, conv in enumerate(convs):
            named |= {f"w{i}": (conv.lin.weight, True), f"b{i}": (conv.bias, False)}
        start(FOLDER / cell, named)

        def logits():
            x = convs[0](data.features, edges, weights)
            for conv in convs[1:]:
                x = conv(F.relu(x), edges, weights)
            return x

        return training_step(FOLDER / cell, [parameter for parameter, _ in named.values()], logits, data.labels)

    return make


def gat(cell, graph, width):
    def make():
        data = Data(FOLDER / graph)
        refuse_beyond(LIMIT, len(data.columns), HEADS * width, 4)
        edges, _ = edge_list(data)
        first = GATConv(data.features.shape[1], width, HEADS, add_self_loops=False)
        second = GATConv(HEADS * width, data.classes, 1, concat=False, add_self_loops=False)
        named = {}
        for name, conv in (("first", first), ("second", second)):
            named |= {f"{name}.linear.weight": (conv.lin.weight, False), f"{name}.attention_source": (conv.att_src, False),
                      f"{name}.attention_target": (conv.att_dst, False), f"{name}.bias": (conv.bias, False)}
        start(FOLDER / cell, named)

        def logits():
            return second(F.elu(first(data.features, edges)), edges)

        return training_step(FOLDER / cell, [parameter for parameter, _ in named.values()], logits, data.labels)

    return make


makers = {f"{cell}/edge_list": gat(cell, *what) for cell, what in gat_cells().items()}
for cell, what in gcn_cells().items():
    makers |= {f"{cell}/edge_list": gcn(cell, *what, edge_list), f"{cell}/csr": gcn(cell, *what, sparse_matrix)}
answer(makers)
