"""A report as a list of elements, and the two forms that it is written in: Markdown and one HTML page."""

import base64
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fer_bench.render import html, markdown
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


@dataclass(frozen=True)
class Picture:
    """A PNG file and what it shows."""

    path: Path
    text: str


Element = Heading | Paragraph | Bullets | Code | Picture | Grid | Table

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; max-width: 62rem; margin: 0 auto;
  padding: 1rem; overflow-wrap: break-word; }
h1, h2, h3, h4 { line-height: 1.25; margin: 1.6em 0 .5em; }
h2 { border-bottom: 1px solid #bbb; padding-bottom: .2em; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; margin: .3rem 0 1rem; }
th, td { padding: .2rem .6rem; border-bottom: 1px solid #ddd; text-align: left; vertical-align: top; }
thead th { border-bottom: 2px solid #555; }
tbody tr:hover { background: #f3f6fa; }
.notes { font-size: .85rem; color: #444; }
figure { margin: 1.5rem 0; }
figure img { max-width: 100%; height: auto; }
figcaption { font-size: .9rem; color: #444; }
pre { background: #f3f3f3; padding: .7rem; overflow-x: auto; font-size: .85rem; }
@media print {
  body { max-width: none; padding: 0; font-size: 10pt; }
  .scroll, pre { overflow: visible; }
  pre { white-space: pre-wrap; }
  table { font-size: 7.5pt; }
  th, td { padding: .1rem .3rem; }
  h2, h3, h4 { break-after: avoid; }
  figure, tr { break-inside: avoid; }
  nav { display: none; }
}
"""


def to_markdown(elements: Sequence[Element], folder: Path) -> str:
    """Return the report as Markdown; pictures are links relative to ``folder``, where it will lie."""
    return "\n\n".join(_markdown(element, folder) for element in elements) + "\n"


def _markdown(element: Element, folder: Path) -> str:
    if isinstance(element, Heading):
        text = f"{'#' * element.level} {markdown.escape(element.text)}"
    elif isinstance(element, Paragraph):
        text = markdown.escape(element.text)
    elif isinstance(element, Bullets):
        text = "\n".join(f"- {markdown.escape(item)}" for item in element.items)
    elif isinstance(element, Code):
        text = "\n".join(["```sh", *element.lines, "```"])
    elif isinstance(element, Picture):
        link = Path(os.path.relpath(element.path, folder)).as_posix().replace(" ", "%20")
        text = f"![{markdown.escape(element.text)}]({link})"
    elif isinstance(element, Table):
        text = markdown.to_markdown(element, level=3)
    else:
        title = f"{markdown.bold(markdown.escape(element.title))}\n\n" if element.title else ""
        text = title + markdown.grid_to_markdown(element.columns, element.rows)
    return text


def to_page(elements: Sequence[Element]) -> str:
    """Return the report as one HTML file: pictures and style inside, no scripts, nothing from the network."""
    headings = [element for element in elements if isinstance(element, Heading)]
    title = html.escape(headings[0].text)
    sections = [heading for heading in headings if heading.level == 2]
    links = "\n".join(f'<li><a href="#{_anchor(heading)}">{html.escape(heading.text)}</a></li>' for heading in sections)
    body = [_html(element) for element in elements]
    # The list of sections follows the title.
    body.insert(1, f"<nav><ul>\n{links}\n</ul></nav>")
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            f"<title>{title}</title>",
            f"<style>{_STYLE}</style>",
            "</head>",
            "<body>",
            *body,
            "</body>",
            "</html>\n",
        ]
    )


def _anchor(heading: Heading) -> str:
    return "".join(c if c.isascii() and c.isalnum() else "-" for c in heading.text.lower())


def _html(element: Element) -> str:
    if isinstance(element, Heading):
        text = f'<h{element.level} id="{_anchor(element)}">{html.escape(element.text)}</h{element.level}>'
    elif isinstance(element, Paragraph):
        text = f"<p>{html.escape(element.text)}</p>"
    elif isinstance(element, Bullets):
        items = "\n".join(f"<li>{html.escape(item)}</li>" for item in element.items)
        text = f"<ul>\n{items}\n</ul>"
    elif isinstance(element, Code):
        lines = "\n".join(html.escape(line) for line in element.lines)
        text = f"<pre><code>{lines}</code></pre>"
    elif isinstance(element, Picture):
        data = base64.b64encode(element.path.read_bytes()).decode("ascii")
        shown = html.escape(element.text)
        image = f'<img src="data:image/png;base64,{data}" alt="{shown}">'
        text = f"<figure>\n{image}\n<figcaption>{shown}</figcaption>\n</figure>"
    elif isinstance(element, Table):
        text = html.to_html(element, level=3)
    else:
        title = f"<h3>{html.escape(element.title)}</h3>\n" if element.title else ""
        text = title + html.grid_to_html(element.columns, element.rows)
    return text
