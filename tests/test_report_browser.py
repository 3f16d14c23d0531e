"""The report's page in a real browser: no errors, sorting, a narrow screen, printing."""

import re
from collections.abc import Iterator

import blank_figures
import pytest
import record_factory as make
from browser import Browser, chromium

from fer_bench.figures import build_figures
from fer_bench.report import write_report
from fer_bench.selection import select
from fer_bench.tables import build_tables

pytestmark = pytest.mark.slow

ENTER, SPACE = "\ue007", " "
COLUMN = """
const table = [...document.querySelectorAll("table")].find(t => t.tHead.textContent.includes("Balanced accuracy"));
const place = [...table.tHead.rows[0].cells].findIndex(c => c.textContent.includes(arguments[0] ?? "{name}"));
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    results = make.results_in(tmp_path_factory.mktemp("page"))
    with chromium(tmp_path_factory.mktemp("browser")) as found:
        make.save_partial(results)
        evidence = select(results)
        drawings = build_figures(evidence)
        for drawing in drawings:
            blank_figures.draw(drawing, results.figures)
        _, page = write_report(evidence, build_tables(evidence), drawings, results)
        found.screen(1280)
        found.open(page)
        yield found


def column(browser: Browser, name: str) -> list[str]:
    return browser.run(
        COLUMN.replace("{name}", name)
        + "return [...table.tBodies[0].rows].map(r => r.cells[place].textContent.trim());"
    )


def order(browser: Browser, name: str) -> str:
    return browser.run(COLUMN.replace("{name}", name) + "return table.tHead.rows[0].cells[place].ariaSort;")


def focus(browser: Browser, name: str) -> None:
    browser.run(COLUMN.replace("{name}", name) + 'table.tHead.rows[0].cells[place].querySelector("button").focus();')


def test_the_console_stays_silent_and_every_picture_shows(browser: Browser) -> None:
    assert browser.messages() == []
    widths = browser.run("return [...document.images].map(image => image.naturalWidth);")
    assert len(widths) == 13
    assert all(width > 300 for width in widths)


def test_nothing_is_loaded_from_anywhere(browser: Browser) -> None:
    names = browser.run("return performance.getEntriesByType('resource').map(entry => entry.name);")
    assert all(name.startswith("data:") for name in names)


def test_tables_sort_by_click_and_by_keyboard_and_back(browser: Browser) -> None:
    before = column(browser, "Accuracy")
    numbers = [float(text.split(" ")[0]) for text in before]
    browser.run(COLUMN.replace("{name}", "Accuracy") + 'table.tHead.rows[0].cells[place].id = "wanted";')
    browser.click("#wanted button")
    assert order(browser, "Accuracy") == "ascending"
    assert [float(text.split(" ")[0]) for text in column(browser, "Accuracy")] == sorted(numbers)
    focus(browser, "Accuracy")
    browser.press(ENTER)
    assert order(browser, "Accuracy") == "descending"
    assert [float(text.split(" ")[0]) for text in column(browser, "Accuracy")] == sorted(numbers, reverse=True)
    browser.press(SPACE)
    assert order(browser, "Accuracy") == "none"
    assert column(browser, "Accuracy") == before
    focus(browser, "Model")
    browser.press(ENTER)
    assert column(browser, "Model") == sorted(column(browser, "Model"))
    assert browser.messages() == []


def test_missing_values_stay_at_the_foot(browser: Browser) -> None:
    script = """
    const table = [...document.querySelectorAll("#table04 ~ .scroll table")][1];
    const head = table.tHead.rows[0].cells[1];
    head.querySelector("button").click();
    const up = [...table.tBodies[0].rows].map(r => r.cells[1].textContent.trim());
    head.querySelector("button").click();
    return [up, [...table.tBodies[0].rows].map(r => r.cells[1].textContent.trim())];
    """
    for texts in browser.run(script):
        assert texts[0] != "–"
        assert texts[1:] == ["–", "–"]


@pytest.mark.parametrize("width", [390, 320, 1280])
def test_the_page_never_scrolls_sideways(browser: Browser, width: int) -> None:
    browser.screen(width)
    assert browser.run("return window.innerWidth;") == width
    assert browser.run("return document.documentElement.scrollWidth;") <= width


@pytest.mark.parametrize("dark", [False, True])
def test_text_stands_out_from_its_background(browser: Browser, dark: bool) -> None:
    browser.screen(1280, dark=dark)
    script = """
    const found = [];
    for (const element of document.querySelectorAll("p, td, th, a, figcaption, li, h2, pre")) {
      let behind = element;
      while (behind && getComputedStyle(behind).backgroundColor === "rgba(0, 0, 0, 0)") behind = behind.parentElement;
      found.push([getComputedStyle(element).color, getComputedStyle(behind ?? document.body).backgroundColor]);
    }
    return [...new Set(found.map(JSON.stringify))].map(JSON.parse);
    """
    found = browser.run(script)
    assert found
    for pair in found:
        assert contrast(*pair) >= 4.5, pair
    background = browser.run("return getComputedStyle(document.body).backgroundColor;")
    assert (luminance(background) < 0.1) == dark


def luminance(colour: str) -> float:
    """Return the relative luminance of ``rgb(r, g, b)`` (WCAG 2)."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_it_prints_on_a4_with_nothing_cut_off(browser: Browser) -> None:
    content = browser.pdf()
    assert content.startswith(b"%PDF")
    pages = max(int(found) for found in re.findall(rb"/Count (\d+)", content))
    assert 4 <= pages <= 40
    # 180 mm between the margins, in CSS pixels.
    browser.screen(680, media="print")
    assert browser.run("return document.documentElement.scrollWidth;") <= 680
    assert browser.run("return getComputedStyle(document.querySelector('nav')).display;") == "none"
