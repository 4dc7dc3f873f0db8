"""The demo's network (neap/demo/network.cpp) written again in PyTorch: its training step eager and compiled; and a chain of operators."""
import sys
from pathlib import Path

import numpy
import torch
from torch import nn
from torch.nn import functional as F

from side import answer

FOLDER = Path(sys.argv[1])
BATCH = 128
torch.set_num_threads(int(sys.argv[2]))


def norm(channels):
    return nn.BatchNorm2d(channels, eps=1e-5, momentum=0.1)


class InvertedResidual(nn.Module):
    def __init__(self, inputs, outputs, kernel, stride, expansion):
        super().__init__()
        hidden, squeezed = inputs * expansion, max(1, inputs // 4)
        self.residual = stride == 1 and inputs == outputs
        self.expand, self.expand_norm = nn.Conv2d(inputs, hidden, 1, bias=False), norm(hidden)
        self.depthwise = nn.Conv2d(hidden, hidden, kernel, stride, kernel // 2, groups=hidden, bias=False)
        self.depthwise_norm = norm(hidden)
        self.reduce, self.excite = nn.Linear(hidden, squeezed), nn.Linear(squeezed, hidden)
        self.project, self.project_norm = nn.Conv2d(hidden, outputs, 1, bias=False), norm(outputs)

    def forward(self, x):
        y = F.silu(self.expand_norm(self.expand(x)))
        y = F.silu(self.depthwise_norm(self.depthwise(y)))
        gate = torch.sigmoid(self.excite(F.silu(self.reduce(y.mean((2, 3))))))
        y = self.project_norm(self.project(y * gate[:, :, None, None]))
        return x + y if self.residual else y


def network():
    stem = [nn.Conv2d(1, 16, 3, 2, 1, bias=False), norm(16), nn.SiLU()]
    blocks = [InvertedResidual(*numbers) for numbers in
              [(16, 16, 3, 1, 2), (16, 24, 3, 2, 4), (24, 40, 5, 1, 4), (40, 40, 3, 1, 4), (40, 48, 5, 1, 3)]]
    head = [nn.Conv2d(48, 64, 1, bias=False), norm(64), nn.SiLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10)]
    made = nn.Sequential(*stem, *blocks, *head)
    files = sorted(FOLDER.glob("parameter_*.npy"))
    parameters = list(made.parameters())
    assert len(files) == len(parameters), f"{len(parameters)} parameters here, {len(files)} there: not the same network"
    with torch.no_grad():
        for file, parameter in zip(files, parameters):
            parameter.copy_(torch.from_numpy(numpy.load(file)))
    return made


def check():
    """The same network: the same logits from the same parameters, in evaluation mode."""
    wanted = numpy.load(FOLDER / "logits_128.npy")
    with torch.no_grad():
        got = network().eval()(torch.from_numpy(numpy.load(FOLDER / "pictures_128.npy"))).numpy()
    assert numpy.allclose(got, wanted, rtol=1e-3, atol=1e-4), f"logits differ by {abs(got - wanted).max()}"


def training_step(channels_last, compiled):
    def make():
        check()
        net = network().train()
        pictures = torch.rand(BATCH, 1, 28, 28)
        labels = torch.arange(BATCH) * 7 % 10
        if channels_last:
            net, pictures = net.to(memory_format=torch.channels_last), pictures.to(memory_format=torch.channels_last)
        rule = torch.optim.AdamW(net.parameters(), lr=1e-3, fused=True)

        def loss_of(x, y):
            return F.cross_entropy(net(x), y)

        loss_of = torch.compile(loss_of) if compiled else loss_of

        def run():
            rule.zero_grad(set_to_none=True)
            loss_of(pictures, labels).backward()
            rule.step()

        run()
        return run

    return make


def chain():
    x = torch.rand(1_000_000)

    def run():
        with torch.no_grad():
            y = F.silu(x * 1.5 + 0.25)
            y = y * y - 0.5
            return torch.maximum(y, y * 0.1) * 2.0

    return run


def sums(axis):
    def make():
        x = torch.rand(1000, 1000)

        def run():
            with torch.no_grad():
                return x.sum(axis)

        return run

    return make


answer({
    "training_step/eager": training_step(False, False),
    "training_step/eager_channels_last": training_step(True, False),
    "training_step/compile": training_step(False, True),
    "training_step/compile_channels_last": training_step(True, True),
    "chain/eager": chain,
    "sums_of_rows/eager": sums(1),
    "sums_of_columns/eager": sums(0),
})
