"""P-values for people."""


def p_text(p: float) -> str:
    """Return a p-value with its relation, as it stands behind ``p``: ``= 0.010`` or ``< 0.001``."""
    return "< 0.001" if p < 0.001 else f"= {p:.3f}"


def p_cell(p: float) -> str:
    """Return a p-value as it stands in a column: ``0.010`` or ``< 0.001``."""
    return p_text(p).removeprefix("= ")
