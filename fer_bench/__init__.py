"""fer-bench: benchmark lightweight CNNs for facial emotion recognition.

The Python API is :func:`load_model`, whose :class:`Model` answers pictures with a :class:`Prediction` or a
:class:`NoAnswer`; a mistake is a :class:`FerBenchError`. Importing the package loads nothing of them.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fer_bench.errors import FerBenchError
    from fer_bench.prediction import Model, NoAnswer, Prediction, load_model

__version__ = "0.1.0"
__all__ = ["FerBenchError", "Model", "NoAnswer", "Prediction", "__version__", "load_model"]


def __getattr__(name: str) -> object:
    if name == "FerBenchError":
        from fer_bench.errors import FerBenchError

        return FerBenchError
    if name in __all__:
        from fer_bench import prediction

        found: object = getattr(prediction, name)
        return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
