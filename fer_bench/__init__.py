"""fer-bench: benchmark lightweight CNNs for facial emotion recognition."""

__version__ = "0.1.0"
