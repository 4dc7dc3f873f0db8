#!/usr/bin/env python3
"""Makes pyg_cases.npz: what PyTorch Geometric's layers compute of small f64 graphs, and their gradients, for tests/nn/peers_test.cpp, which
runs Neap's layers with the same weights. `./dev bench gnn peers agreement` makes the cases anew and runs the test.

    python3 tests/nn/peers/pyg_cases.py OUT.npz        (needs the Python packages torch, torch_geometric, numpy)

A case NAME holds NAME/x and NAME/y, parameters as NAME/parameter/..., by Neap's names, and gradients of sum(y * cotangent): of x, of
weights and features of edges where the layer looks at them, and of the parameters.
"""
import sys

import numpy
import torch
import torch_geometric
from torch import nn
from torch_geometric import nn as pyg
from torch_geometric.utils import softmax

torch.set_default_dtype(torch.float64)
numbers = numpy.random.default_rng(7)

# Edges by target: one way, a loop, an edge that is there twice, vertices alone.
SOURCES = [1, 4, 7, 0, 2, 4, 4, 6, 1, 0, 2, 5, 8, 3, 7, 0, 6]
TARGETS = [0, 0, 0, 2, 2, 2, 2, 2, 4, 4, 4, 5, 5, 6, 6, 8, 8]
VERTICES, IN, OUT, FEATURES, TYPES = 9, 3, 2, 2, 3
EDGES = torch.tensor([SOURCES, TARGETS])
TYPE = torch.tensor([i % TYPES for i in range(len(SOURCES))])


def drawn(*sizes):
    return torch.tensor(numbers.uniform(-1, 1, sizes).round(3))


WEIGHTS = torch.tensor(numbers.uniform(0.25, 2, len(SOURCES)).round(3))
EDGE_FEATURES = drawn(len(SOURCES), FEATURES)
GRAPHS = torch.tensor([0, 0, 0, 1, 1, 3, 3, 3, 3])  # of a batch of four, the third without vertices
arrays = {"sources": numpy.int32(SOURCES), "targets": numpy.int32(TARGETS), "types": TYPE.numpy().astype(numpy.int32),
          "weights": WEIGHTS.numpy(), "features": EDGE_FEATURES.numpy(), "offsets": numpy.int64([0, 3, 5, 5, 9])}


def case(name, run, parameters, width=IN, rows=VERTICES):
    """run(x, weights, features) -> y; parameters: Neap's name -> (PyG's, the shape that it has in Neap, whether it is transposed)."""
    x = drawn(rows, width).requires_grad_()
    weights, features = WEIGHTS.clone().requires_grad_(), EDGE_FEATURES.clone().requires_grad_()
    with torch.no_grad():
        for tensor, _, _ in parameters.values():
            tensor.copy_(drawn(*tensor.shape))
    y = run(x, weights, features)
    cotangent = drawn(*y.shape)
    (y * cotangent).sum().backward()

    def keep(key, value):
        arrays[f"{name}/{key}"] = value.detach().numpy()

    keep("x", x), keep("y", y), keep("cotangent", cotangent), keep("gradient/x", x.grad)
    for key, given in (("weights", weights), ("features", features)):
        if given.grad is not None:
            keep(f"gradient/{key}", given.grad)
    for key, (tensor, shape, transposed) in parameters.items():
        for kind, value in (("parameter", tensor), ("parameter_gradient", tensor.grad)):
            keep(f"{kind}/{key}", (value.T if transposed else value).reshape(shape))


def same(tensor):
    return tensor, tuple(tensor.shape), False


def gcn():
    for name, weighted in (("gcn", False), ("gcn_weighted", True)):
        layer = pyg.GCNConv(IN, OUT, add_self_loops=False)
        case(name, lambda x, w, _: layer(x, EDGES, w if weighted else None), {"linear.weight": same(layer.lin.weight), "bias": same(layer.bias)})


def sage():
    for how in ("mean", "sum", "max"):
        layer = pyg.SAGEConv(IN, OUT, aggr=how, normalize=how == "sum")
        case(f"sage_{how}", lambda x, *_: layer(x, EDGES),
             {"neighbours.weight": same(layer.lin_l.weight), "bias": same(layer.lin_l.bias), "self.weight": same(layer.lin_r.weight)})


def attention():
    for name, heads, concat, looks in (("gat", 3, True, False), ("gat_mean", 2, False, False), ("gat_features", 2, True, True)):
        layer = pyg.GATConv(IN, OUT, heads, concat=concat, add_self_loops=False, edge_dim=FEATURES if looks else None)
        parameters = {"linear.weight": same(layer.lin.weight), "attention_source": (layer.att_src, (heads, OUT), False),
                      "attention_target": (layer.att_dst, (heads, OUT), False), "bias": same(layer.bias)}
        if looks:
            parameters |= {"edge.weight": same(layer.lin_edge.weight), "attention_edge": (layer.att_edge, (heads, OUT), False)}
        case(name, lambda x, _, f: layer(x, EDGES, f if looks else None), parameters)
    for name, heads, concat, looks, shared in (("gatv2", 3, True, False, False), ("gatv2_features", 2, False, True, False),
                                               ("gatv2_shared", 2, True, False, True)):
        layer = pyg.GATv2Conv(IN, OUT, heads, concat=concat, add_self_loops=False, edge_dim=FEATURES if looks else None, share_weights=shared)
        parameters = {"source.weight": same(layer.lin_l.weight), "source.bias": same(layer.lin_l.bias),
                      "attention": (layer.att, (heads, OUT), False), "bias": same(layer.bias)}
        if not shared:
            parameters |= {"target.weight": same(layer.lin_r.weight), "target.bias": same(layer.lin_r.bias)}
        if looks:
            parameters |= {"edge.weight": same(layer.lin_edge.weight)}
        case(name, lambda x, _, f: layer(x, EDGES, f if looks else None), parameters)


def gin():
    first, second = nn.Linear(IN, 4), nn.Linear(4, OUT)
    layer = pyg.GINConv(nn.Sequential(first, nn.ReLU(), second), train_eps=True)
    case("gin", lambda x, *_: layer(x, EDGES),
         {"epsilon": (layer.eps, (), False), "network.first.weight": same(first.weight), "network.first.bias": same(first.bias),
          "network.second.weight": same(second.weight), "network.second.bias": same(second.bias)})


def rgcn():
    for name, bases in (("rgcn", None), ("rgcn_bases", 2)):
        layer = pyg.RGCNConv(IN, OUT, TYPES, num_bases=bases)
        parameters = {"weight": same(layer.weight), "self.weight": (layer.root, (OUT, IN), True), "bias": same(layer.bias)}
        if bases:
            parameters |= {"mix": same(layer.comp)}
        case(name, lambda x, *_: layer(x, EDGES, TYPE), parameters)


def propagation():
    simple = pyg.SGConv(IN, OUT, K=2, add_self_loops=False)
    case("sgc", lambda x, w, _: simple(x, EDGES, w), {"linear.weight": same(simple.lin.weight), "linear.bias": same(simple.lin.bias)})
    teleporting = pyg.APPNP(K=4, alpha=0.15, add_self_loops=False)
    case("appnp", lambda x, *_: teleporting(x, EDGES), {})


def edge_convolution():
    """A layer that Neap does not have, written with its MessagePassing."""
    inner = nn.Linear(2 * IN, OUT)
    layer = pyg.EdgeConv(inner, aggr="max")
    case("edge_convolution", lambda x, *_: layer(x, EDGES), {"inner.weight": same(inner.weight), "inner.bias": same(inner.bias)})


def graphs():
    for name, pool in (("sum", pyg.global_add_pool), ("mean", pyg.global_mean_pool), ("max", pyg.global_max_pool)):
        case(f"pool_{name}", lambda x, *_: pool(x, GRAPHS, 4), {})
    for how, neap in (("cat", "concat"), ("max", "max")):
        joined = pyg.JumpingKnowledge(how)
        case(f"jumping_{neap}", lambda x, *_: joined([x[:, :2], x[:, 2:4], x[:, 4:]]), {}, width=6)
    case("edge_softmax", lambda x, *_: softmax(x, EDGES[1], num_nodes=VERTICES), {}, rows=len(SOURCES))


for make in (gcn, sage, attention, gin, rgcn, propagation, edge_convolution, graphs):
    make()
numpy.savez_compressed(sys.argv[1], **arrays)
print(f"{sum(key.endswith('/y') for key in arrays)} cases by PyTorch Geometric {torch_geometric.__version__}, PyTorch {torch.__version__}")
