"""The layers of a model, whatever contains them."""

from collections.abc import Iterator
from typing import Any


def every_layer(model: Any) -> Iterator[Any]:
    """Yield the layers of a built ``keras.Model``, those within its layers and within models in it too."""
    yield from model._flatten_layers(include_self=False)  # Keras' own walk; ``layers`` has only the outermost.
