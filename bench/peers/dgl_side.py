"""The steps of bench_gnn_worker in DGL, whose products with the graph are its own kernels: GCN's normalisation as weights of edges, or by
scaling rows ahead of and behind a sum without weights."""
import os
import sys
from pathlib import Path

os.environ["DGLBACKEND"] = "pytorch"
import dgl  # noqa: E402 (after the variable that it reads)
import torch
from dgl.nn.pytorch import GATConv, GraphConv
from gnn_cells import HEADS, Data, gat_cells, gcn_cells, start, training_step
from side import answer
from torch.nn import functional as F

FOLDER = Path(sys.argv[1])
torch.set_num_threads(int(sys.argv[2]))


def graph_of(data):
    graph = dgl.graph((data.columns.long(), data.targets()), num_nodes=data.vertices)
    graph.create_formats_()  # all that its kernels want, ahead of the first step
    return graph


def gcn(cell, graph, layers, hidden, scaled):
    def make():
        data = Data(FOLDER / graph)
        edges = graph_of(data)
        widths = [data.features.shape[1], *[hidden] * (layers - 1), data.classes]
        norm, weights = ("both", None) if scaled else ("none", data.weights)
        convs = [GraphConv(a, b, norm=norm, allow_zero_in_degree=True) for a, b in zip(widths, widths[1:])]
        named = {}
        for i, conv in enumerate(convs):
            named |= {f"w{i}": (conv.weight, False), f"b{i}": (conv.bias, False)}
        start(FOLDER / cell, named)

        def logits():
            x = convs[0](edges, data.features, edge_weight=weights)
            for conv in convs[1:]:
                x = conv(edges, F.relu(x), edge_weight=weights)
            return x

        return training_step(FOLDER / cell, [parameter for parameter, _ in named.values()], logits, data.labels)

    return make


def gat(cell, graph, width):
    def make():
        data = Data(FOLDER / graph)
        edges = graph_of(data)
        first = GATConv(data.features.shape[1], width, HEADS, allow_zero_in_degree=True)
        second = GATConv(HEADS * width, data.classes, 1, allow_zero_in_degree=True)
        named = {}
        for name, conv in (("first", first), ("second", second)):
            named |= {f"{name}.linear.weight": (conv.fc.weight, False), f"{name}.attention_source": (conv.attn_l, False),
                      f"{name}.attention_target": (conv.attn_r, False), f"{name}.bias": (conv.bias, False)}
        start(FOLDER / cell, named)

        def logits():
            return second(edges, F.elu(first(edges, data.features).flatten(1))).squeeze(1)

        return training_step(FOLDER / cell, [parameter for parameter, _ in named.values()], logits, data.labels)

    return make


answer({f"{cell}/dgl": gcn(cell, *what, False) for cell, what in gcn_cells().items()} |
       {f"{cell}/dgl_scaled": gcn(cell, *what, True) for cell, what in gcn_cells().items()} |
       {f"{cell}/dgl": gat(cell, *what) for cell, what in gat_cells().items()})
