"""Blank pictures in place of drawn ones, which take a second each: for what is about something else than figures."""

from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from fer_bench.figures import Drawing, files, picture
from fer_bench.files import replacing


def draw(drawing: Drawing, folder: Path) -> list[Path]:
    """Stand for what draws a figure: both files, written as they are, with their mark, of a figure's size."""
    mark = f"{files._MARK}{files.digest(drawing)}"
    pdf, png = picture(drawing, folder, "pdf"), picture(drawing, folder, "png")
    with replacing(pdf) as temporary:
        temporary.write_text(f"%PDF-1.4\n% {mark}\n")
    about = PngInfo()
    about.add_text("Description", mark)
    with replacing(png) as temporary:
        Image.new("1", (1432, 800), 1).save(temporary, format="png", pnginfo=about)
    return [pdf, png]


def replace_drawing() -> None:
    """Have this process draw none from now on; a test patches ``files._draw`` itself."""
    files._draw = draw
