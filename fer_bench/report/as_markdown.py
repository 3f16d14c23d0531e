"""The report as Markdown, to be read on a code host."""

import os
from collections.abc import Sequence
from pathlib import Path

from fer_bench.render import markdown
from fer_bench.report.document import Bullets, Code, Element, Heading, Paragraph, Picture
from fer_bench.tables.values import Table


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
        title, caption = markdown.escape(element.title), markdown.escape(element.caption)
        text = (
            f"### Figure {element.number}. {title}\n\n![{title}]({_link(element.png, folder)})\n\n"
            f"{caption} [PDF]({_link(element.pdf, folder)})"
        )
    elif isinstance(element, Table):
        text = markdown.to_markdown(element, level=3)
    else:
        title = f"{markdown.bold(markdown.escape(element.title))}\n\n" if element.title else ""
        text = title + markdown.grid_to_markdown(element.columns, element.rows)
    return text


def _link(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path, folder)).as_posix().replace(" ", "%20")
