"""P-values for people."""


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
