"""The report as one HTML page that opens from disk: pictures, style and script inside, nothing from the network."""

import base64
import hashlib
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

from fer_bench.errors import FerBenchError
from fer_bench.render import html
from fer_bench.report.document import Bullets, Code, Element, Heading, Paragraph, Picture
from fer_bench.report.page_parts import SCRIPT, STYLE
from fer_bench.tables.values import Table

_WIDER = 120 / 200
"""Pixels of the page for a pixel of a picture of 200 dpi: a fourth larger than in print, still sharp."""


def to_page(elements: Sequence[Element]) -> str:
    """Return the report as one HTML file.

    The pictures are taken as they lie in their files, so that the same files give the same bytes on any machine.

    Raises:
        FerBenchError: a picture is missing or no PNG.
    """
    title = html.escape(next(element.text for element in elements if isinstance(element, Heading)))
    body = [_html(element) for element in elements]
    # The list of contents follows the title and what stands below it.
    first = next(place for place, item in enumerate(elements) if isinstance(item, Heading) and item.level > 1)
    body.insert(first, "\n".join(_contents(elements)))
    script = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode("ascii")
    policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{script}'"
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            f"<title>{title}</title>",
            f"<style>{STYLE}</style>",
            "</head>",
            "<body>",
            *body,
            f"<script>{SCRIPT}</script>",
            "</body>",
            "</html>\n",
        ]
    )


def _contents(elements: Sequence[Element]) -> Iterator[str]:
    yield '<nav aria-label="Contents"><ul>'
    below: list[tuple[str, str]] = []
    section: Heading | None = None
    for element in (*elements, Heading(2, "")):
        if isinstance(element, Heading) and element.level == 2:
            if section is not None:
                items = "".join(f'<li><a href="#{anchor}">{text}</a></li>' for anchor, text in below)
                inner = f"<ul>{items}</ul>" if below else ""
                yield f'<li><a href="#{_anchor(section)}">{html.escape(section.text)}</a>{inner}</li>'
            section, below = element, []
        elif isinstance(element, Table):
            below.append((element.name, f"Table {element.number}. {html.escape(element.title)}"))
        elif isinstance(element, Picture):
            below.append((f"figure-{element.name}", f"Figure {element.number}. {html.escape(element.title)}"))
    yield "</ul></nav>"


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
        text = _figure(element)
    elif isinstance(element, Table):
        text = html.to_html(element, level=3)
    else:
        title = f"<h3>{html.escape(element.title)}</h3>\n" if element.title else ""
        text = title + html.grid_to_html(element.columns, element.rows)
    return text


def _figure(picture: Picture) -> str:
    content = _read(picture.png)
    width, height = (round(_WIDER * pixels) for pixels in struct.unpack(">II", content[16:24]))
    data = base64.b64encode(content).decode("ascii")
    title = html.escape(picture.title)
    return (
        f'<figure id="{html.escape(f"figure-{picture.name}")}">\n'
        f"<h3>Figure {picture.number}. {title}</h3>\n"
        f'<img src="data:image/png;base64,{data}" alt="{title}" width="{width}" height="{height}">\n'
        f"<figcaption>{html.escape(picture.caption)}</figcaption>\n</figure>"
    )


def _read(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise FerBenchError(f"{path}: not readable ({error}); run `fer-bench figures` to draw it") from error
    if not content.startswith(b"\x89PNG\r\n\x1a\n") or len(content) < 24:
        raise FerBenchError(f"{path}: not a PNG; run `fer-bench figures` to draw it")
    return content
