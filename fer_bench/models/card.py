"""What a model declares about itself."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fer_bench.errors import FerBenchError
from fer_bench.plugins import off_stdout


@dataclass(frozen=True)
class Backbone:
    """The leading layers of a model, those that transfer learning may freeze."""

    layers: int
    """How many of the model's layers they are, the input included."""
    stages: tuple[int, ...]
    """Layers up to the end of each stage, ascending: where freezing may sensibly end."""
    frozen: int = 0
    """Layers that the model freezes of its own."""


@dataclass(frozen=True)
class Head:
    """One of several heads on the same backbone."""

    title: str
    """In tables."""
    model: str
    """Name of the model that has it."""
    dropout: float = 0.0
    """Rate of its dropout layers; 0 is none."""


@dataclass(frozen=True)
class ModelCard:
    """One architecture: how to build it, where it comes from, and the counts that a contract test asserts."""

    name: str
    """On the command line and in file names."""
    title: str
    """In tables."""
    build: Callable[[int, int], Any]
    """``build(image_size, classes)`` returns an uncompiled ``keras.Model`` with random weights that maps float32
    (batch, image_size, image_size, 3) in [-1, 1] to float32 probabilities (batch, classes)."""
    reference: str
    """Publication and what of it this is."""
    trainable_parameters: int
    """With seven classes; the same at every image size."""
    non_trainable_parameters: int
    """Frozen weights and batch-norm statistics; the states of random generators are not parameters."""
    paper_trainable_parameters: int | None = None
    """The paper's Table 6; ``None`` where the paper has no such model."""
    imagenet_application: str | None = None
    """Class in ``keras.applications`` whose ImageNet weights the model can start from (see
    :func:`fer_bench.models.pretrained.copy_imagenet`); ``None`` where there is none."""
    backbone: Backbone | None = None
    """``None`` where no part of the model is set apart as one."""
    dropout: float = 0.0
    """Rate of its dropout layers, all the same; 0 where it has none."""
    heads: tuple[Head, ...] = ()
    """Heads to compare on the same backbone, its own first; empty where nothing is known."""

    def built(self, image_size: int, classes: int) -> Any:
        """Return what :attr:`build` returns; what that prints goes to stderr."""
        with off_stdout():
            return self.build(image_size, classes)

    def backbone_to_freeze(self, layers: int) -> Backbone:
        """Return the backbone, for freezing its first ``layers``.

        Raises:
            FerBenchError: there is none, or it has fewer.
        """
        if self.backbone is None:
            from fer_bench.models import built_in_cards

            others = ", ".join(name for name, card in built_in_cards().items() if card.backbone is not None)
            raise FerBenchError(
                f"{self.name}: no backbone is known whose layers could be frozen; name other models with --model, such "
                f"as {others}"
            )
        if layers > self.backbone.layers:
            raise FerBenchError(
                f"freeze_layers = {layers}: the backbone of {self.name} has only {self.backbone.layers} layers"
            )
        return self.backbone

    min_image_size: int = 1
    """Smallest height and width of the input that the architecture takes, pixels."""

    def check_image_size(
        self, image_size: int, *, advice: str = "set a larger image_size in the recipe, or choose another model"
    ) -> None:
        """Refuse an input that the architecture cannot take.

        Args:
            image_size: height and width, pixels.
            advice: what to do about it, where no recipe says the size.

        Raises:
            FerBenchError: it is smaller than :attr:`min_image_size`.
        """
        if image_size < self.min_image_size:
            raise FerBenchError(
                f"{self.name} takes images of at least {self.min_image_size} x {self.min_image_size} pixels, found "
                f"{image_size} x {image_size}; {advice}"
            )
