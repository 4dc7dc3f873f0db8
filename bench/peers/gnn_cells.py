"""What the peers' programs of graph networks share: the cells that bench_gnn_worker names, their data, and a training step."""
from pathlib import Path

import numpy
import torch
from torch.nn import functional as F

RATE = 0.1
GRAPHS, LAYERS, HIDDEN = ("arxiv", "denser"), (2, 3), (16, 64, 256, 512)
HEADS, WIDTHS = 8, (8, 32)


def gcn_cells():
    return {f"{graph}_gcn_{layers}_{hidden}": (graph, layers, hidden) for graph in GRAPHS for layers in LAYERS for hidden in HIDDEN}


def gat_cells():
    return {f"{graph}_gat_{HEADS}_{width}": (graph, width) for graph in GRAPHS for width in WIDTHS}


class Data:
    """Of one graph: entry e goes from columns[e] to the row whose part of `offsets` it lies in, with weights[e]."""

    def __init__(self, folder):
        def array(name):
            return torch.from_numpy(numpy.load(folder / f"{name}.npy"))

        self.offsets, self.columns, self.weights = array("offsets"), array("columns"), array("weights")
        self.features, self.labels = array("features"), array("labels")
        self.classes = int(array("classes"))
        self.vertices = self.features.shape[0]

    def targets(self):
        return torch.repeat_interleave(torch.arange(self.vertices), torch.diff(self.offsets))


def start(cell: Path, parameters):
    """parameters: name in the cell's folder -> (parameter, whether it is transposed there)."""
    with torch.no_grad():
        for name, (parameter, transposed) in parameters.items():
            value = torch.from_numpy(numpy.load(cell / f"{name}.npy"))
            parameter.copy_((value.T if transposed else value).reshape(parameter.shape))


def training_step(cell: Path, parameters, logits, labels):
    """What one step does: forward, cross entropy of all vertices, backward, plain gradient descent. Checks the first loss."""
    rule = torch.optim.SGD(parameters, lr=RATE)

    def run():
        rule.zero_grad(set_to_none=True)
        loss = F.cross_entropy(logits(), labels)
        loss.backward()
        rule.step()
        return loss

    wanted, got = float(numpy.load(cell / "loss.npy")), run().item()
    assert abs(got - wanted) <= 1e-3 * abs(wanted), f"the first loss is {got}, Neap's {wanted}: not the same step"
    return run


def refuse_beyond(limit, edges, width, copies):
    """An edge list's messages are arrays [edges, width]; more than memory holds would end the process."""
    needed = 4 * edges * width * copies
    if needed > limit:
        raise MemoryError(f"its messages need {needed / 1e9:.0f} GB")
