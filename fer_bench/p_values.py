"""P-values: adjusted where there are many, and as people read them."""

from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted by Holm's step-down method, in the order given.

    The floats are those of statsmodels' ``multipletests(p_values, method="holm")``, which is not used here because each
    call of it runs the garbage collector: half a second and more where TensorFlow is loaded, for a few products.

    Source: S. Holm, Scandinavian Journal of Statistics 6 (1979), 65-70.
    """
    import numpy as np

    p = np.asarray(p_values, float)
    order = np.argsort(p)
    adjusted = np.empty_like(p)
    adjusted[order] = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    return [float(value) for value in adjusted.clip(max=1)]


def p_text(p: float) -> str:
    """Return a p-value with its relation, as it stands behind ``p``: ``= 0.010`` or ``< 0.001``."""
    if p < 0.001:
        return "< 0.001"
    # A value beside the usual level gets the digits that tell on which side.
    digits = next((digits for digits in (3, 4, 5) if float(f"{p:.{digits}f}") != 0.05), 3)
    return f"= {p:.{digits}f}"


def p_cell(p: float) -> str:
    """Return a p-value as it stands in a column: ``0.010`` or ``< 0.001``."""
    return p_text(p).removeprefix("= ")
