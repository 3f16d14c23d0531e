"""A report as a list of elements; ``as_markdown`` and ``as_page`` write them."""

from dataclasses import dataclass
from pathlib import Path

from fer_bench.tables.values import Grid, Table


@dataclass(frozen=True)
class Heading:
    """A heading of level 1 (the title) to 3."""

    level: int
    text: str


@dataclass(frozen=True)
class Paragraph:
    """Plain text."""

    text: str


@dataclass(frozen=True)
class Bullets:
    """A list of plain texts."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Code:
    """Lines to type."""

    lines: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A figure: its files, and what it shows as plain text."""

    number: int
    name: str
    title: str
    caption: str
    png: Path
    pdf: Path


Element = Heading | Paragraph | Bullets | Code | Picture | Grid | Table
