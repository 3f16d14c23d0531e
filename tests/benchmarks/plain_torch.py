"""MobileNetV2 in plain PyTorch, channels-last: the bar that training on a CPU is measured against."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

BLOCKS = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
"""Expansion, channels, repeats and first stride (Sandler et al., Table 2)."""


def convolution(inputs: int, outputs: int, size: int, stride: int, groups: int = 1, relu: bool = True) -> list[Any]:
    layers: list[Any] = [
        nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]
    return [*layers, nn.ReLU6(inplace=True)] if relu else layers


class Bottleneck(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        width = inputs * expansion
        layers = convolution(inputs, width, 1, 1) if expansion > 1 else []
        layers += convolution(width, width, 3, stride, groups=width)
        layers += convolution(width, outputs, 1, 1, relu=False)
        self.layers = nn.Sequential(*layers)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Any) -> Any:
        return x + self.layers(x) if self.residual else self.layers(x)


def mobilenetv2() -> Any:
    """Return the paper's variant: 1000-way softmax kept, 7-way layer on it."""
    layers = convolution(3, 32, 3, 2)
    channels = 32
    for expansion, outputs, repeats, stride in BLOCKS:
        for position in range(repeats):
            layers.append(Bottleneck(channels, outputs, stride if position == 0 else 1, expansion))
            channels = outputs
    layers += convolution(channels, 1280, 1, 1)
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1280, 1000), nn.Softmax(1), nn.Linear(1000, 7)]
    return nn.Sequential(*layers)


def training_step(size: int, batch: int) -> Callable[[], object]:
    """Return one step of Adam on a constant batch of ``size`` x ``size`` images."""
    model = mobilenetv2().to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    images = torch.rand(batch, 3, size, size).to(memory_format=torch.channels_last)
    labels = torch.arange(batch) % 7

    def step() -> None:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(images), labels).backward()
        optimizer.step()

    return step
