"""What is searched: settings, and the grid or the ranges that they come from."""

import dataclasses
import hashlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import get_args

from fer_bench.errors import FerBenchError
from fer_bench.recipe import Optimizer, Recipe


@dataclass(frozen=True)
class Setting:
    """One choice of what the paper searched by hand."""

    batch_size: int
    learning_rate: float
    optimizer: Optimizer

    def __str__(self) -> str:
        return f"batch {self.batch_size}, learning rate {self.learning_rate:g}, {self.optimizer}"

    def applied(self, recipe: Recipe) -> Recipe:
        """Return the recipe with this setting, which its name tells; the recipe itself where it has it already."""
        changed = dataclasses.replace(recipe, **dataclasses.asdict(self))
        if changed == recipe:
            return recipe
        name = f"{recipe.name}+b{self.batch_size}+lr{self.learning_rate:g}+{self.optimizer}"
        return dataclasses.replace(changed, name=name)


@dataclass(frozen=True)
class Space:
    """The values of a grid search; a random search draws learning rates between the smallest and the largest."""

    batch_sizes: tuple[int, ...]
    learning_rates: tuple[float, ...]
    optimizers: tuple[Optimizer, ...]

    def __post_init__(self) -> None:
        known = get_args(Optimizer)
        if not (self.batch_sizes and self.learning_rates and self.optimizers):
            raise FerBenchError("a search needs at least one batch size, one learning rate and one optimizer")
        for optimizer in self.optimizers:
            if optimizer not in known:
                raise FerBenchError(f"optimizer {optimizer!r}: expected one of {', '.join(known)}")

    def grid(self) -> Iterator[Setting]:
        """Yield every combination, in the order given."""
        for values in itertools.product(self.batch_sizes, self.learning_rates, self.optimizers):
            yield Setting(*values)

    @property
    def id(self) -> str:
        """First eight hexadecimal digits of a SHA-256 of the values: a search over others is another one."""
        return hashlib.sha256(repr(dataclasses.astuple(self)).encode()).hexdigest()[:8]


PAPER_GRID = Space((32, 64, 128), (1e-3, 1e-4), ("adam", "sgd"))
"""What the paper explored by trial and error (section IV); it chose batch 64, learning rate 1e-4 and Adam for all."""
RANGES = Space((32, 64, 128), (1e-5, 1e-2), ("adam", "sgd"))
"""Of the random search: the paper's batch sizes and optimizers, a wider range of learning rates."""
