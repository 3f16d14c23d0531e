"""The page as one file: markup, style, script, model and runtime inside."""

import base64
import gzip
import hashlib
import html
import json
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any

from fer_bench.datasets.pictures import MAX_PIXELS
from fer_bench.errors import FerBenchError
from fer_bench.files import write_text
from fer_bench.prediction.loading import read_contract
from fer_bench.web_demo.face_finder import WebFaceFinder
from fer_bench.web_demo.runtime import VERSION, WebRuntime

_HERE = Path(__file__).parent

CARE = (
    "For research and teaching. An apparent expression is not a felt emotion: the model says what a face looks like to "
    "it, and is often wrong. Show it only people who agreed. Emotion recognition is restricted by law in places: the "
    "EU's AI Act, Article 5(1)(f), forbids inferring emotions at work and in education. Pictures stay in this page: it "
    "cannot connect to anything."
)
_MAX_SIDE = 16_384
"""Pixels. Beyond that a browser may have no canvas: it gives black pixels instead, without an error."""
_ABOUT_KEYS = ("model", "dataset", "origin", "recipe", "seed", "class_names", "preprocessing", "file_sha256")


def write_page(model: Path, runtime: WebRuntime, finder: WebFaceFinder | None, out: Path) -> None:
    """Write the page of an exported model.

    The same model and runtime give the same bytes.

    Args:
        model: an ``.onnx`` file that ``fer-bench export`` wrote, with its ``.json`` beside it.
        runtime: to embed.
        finder: to embed; ``None`` leaves it to the user to put the square around the face.
        out: the page.

    Raises:
        FerBenchError: the model is no such file, or its images are not square.
    """
    if model.suffix != ".onnx":
        raise FerBenchError(f"{model}: the page runs an .onnx file; write one with fer-bench export --to onnx")
    if not model.is_file():
        raise FerBenchError(f"{model}: no such file; fer-bench export --to onnx writes one")
    about = read_contract(model)
    height, width = about["preprocessing"]["stored_size"]
    if height != width:
        raise FerBenchError(
            f"{model}: it was trained on images of {height} x {width} pixels; the page cuts out squares, and can only "
            "show models of square images"
        )
    write_text(out, _page(about, model.read_bytes(), runtime, finder))


def _page(about: Mapping[str, Any], model: bytes, runtime: WebRuntime, finder: WebFaceFinder | None) -> str:
    style, script, more = (
        (_HERE / name).read_text(encoding="utf-8") for name in ("page.css", "page.js", "page_faces.js")
    )
    script += more
    # Nothing but this script, the embedded runtime (a blob that the script makes) and its WebAssembly may run, and
    # nothing may be fetched or sent.
    policy = (
        f"default-src 'none'; script-src '{_digest(script)}' blob: 'wasm-unsafe-eval'; style-src '{_digest(style)}'; "
        "img-src blob: data:; media-src blob: mediastream:; connect-src 'none'; form-action 'none'; base-uri 'none'"
    )
    title = f"{about['model']}, trained on {about['dataset']}"
    origin = (
        "It was trained on synthetic faces: its answers to photographs mean nothing."
        if about["origin"] == "synthetic"
        else ""
    )
    seven = ", ".join(about["class_names"])
    told = {key: about[key] for key in _ABOUT_KEYS} | {
        "finder": finder.settings if finder else None,
        "limits": {"pixels": MAX_PIXELS, "side": _MAX_SIDE},
    }
    page = Template((_HERE / "page.html").read_text(encoding="utf-8"))
    return page.substitute(
        policy=html.escape(policy),
        title=html.escape(title),
        style=style,
        about=html.escape(f"Which of {len(about['class_names'])} expressions a face resembles most: {seven}. {origin}"),
        care=html.escape(CARE),
        side=about["preprocessing"]["image_size"][0],
        footer=html.escape(
            f"Made by fer-bench; recipe {about['recipe']}, seed {about['seed']}. Runs on ONNX Runtime Web {VERSION}, "
            "© Microsoft Corporation, MIT License."
            + (" Faces are found by BlazeFace, © Google, Apache License 2.0." if finder else "")
        ),
        contract=json.dumps(told).replace("<", "\\u003c"),
        runtime=_packed(runtime.module),
        wasm=_packed(runtime.wasm),
        model=_packed(model),
        finder=_packed(finder.model) if finder else "",
        script=script,
    )


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}"


def _packed(content: bytes) -> str:
    return base64.b64encode(gzip.compress(content, mtime=0)).decode("ascii")
