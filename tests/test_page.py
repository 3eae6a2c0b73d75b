"""The page: what it is made of, and in a browser what a reader can do with it.

The browser is Chromium or Chrome on the path, or `$FASTTOK_CHROMIUM`; where there is none those tests are skipped.
Screenshots are left in `artifacts/`, to be looked at.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_support import fasttok, write_jsonl
from references import ROOT

import fasttok as library
from fasttok.render.format import amounts

pytest.importorskip("altair")
pytest.importorskip("vl_convert")

ARTIFACTS = ROOT / "artifacts"
CHROMIUM = os.environ.get("FASTTOK_CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None
)
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
TEXT = {
    "eng_Latn": ["The cat sat on the mat.", "Where is the station?", "It rains.", "Good night!"],
    "deu_Latn": ["Die Katze saß auf der Matte.", "Wo ist der Bahnhof?", "Es regnet.", "Gute Nacht!"],
    "zho_Hans": ["猫坐在垫子上。", "车站在哪里？", "下雨了。", "晚安！"],
    "jpn_Jpan": ["猫がマットの上に座った。", "駅はどこですか。", "雨が降っている。", "おやすみ！"],
    "tha_Thai": ["แมวนั่งบนเสื่อ", "สถานีอยู่ที่ไหน", "ฝนตก", "ราตรีสวัสดิ์"],
    "x<b>": ["a </script> <!-- & \" '", "b", "c", "d"],
}
ENCODINGS = ["o200k_base", "cl100k_base"]
PRICES = {"date": "2026-11-01", "models": {"big <b>": {"input": 2, "tokenizer": "o200k_base"}}}


@pytest.fixture(scope="module")
def premium() -> library.PremiumReport:
    return library.premium(TEXT, ENCODINGS).sorted_by()


@pytest.fixture(scope="module")
def pages(premium: library.PremiumReport, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    records = [{"language": code, "text": unit} for code, units in TEXT.items() for unit in units]
    traffic = write_jsonl(folder / "traffic.jsonl", records)
    cost = library.cost(traffic, "big <b>", by="language", base="eng", parallel=TEXT, prices=PRICES)
    premium.to_html(folder / "premium.html")
    cost.to_html(folder / "cost.html")
    library.count_corpus(traffic, ENCODINGS, by="language").to_html(folder / "count.html")
    library.density(traffic, by="language").to_html(folder / "density.html")
    library.check_claims(ENCODINGS, parallel=TEXT).to_html(folder / "claims.html")
    return {name: folder / f"{name}.html" for name in ("premium", "cost", "count", "density", "claims")}


@pytest.mark.parametrize("name", ["premium", "cost"])
def test_the_page_stands_alone(pages: dict[str, Path], name: str) -> None:
    text = pages[name].read_text(encoding="utf-8")
    assert len(text.encode()) < 2_000_000
    markup = re.sub(r"<script>.*?</script>", "", text, flags=re.S)
    sources = re.findall(r"""\s(?:src|href)\s*=\s*["']?([^"'\s>]*)""", markup)
    assert [source for source in sources if not source.startswith(("data:", "#"))] == []
    assert "url(" not in markup and "@import" not in markup
    assert "default-src 'none'" in text
    assert "<b>" not in markup.replace("&lt;b&gt;", "")
    assert library.get_encoding("o200k_base").hash in text
    for word in ("Definitions", "Manifest", "byte premium"):
        assert word in text


def test_a_large_report_stays_below_two_megabytes() -> None:
    units = [f"Sentence {i}." for i in range(3)]
    text = {"eng_Latn": units} | {f"l{i:02}_Latn": units for i in range(460)}
    names = {f"tokenizer-{i}": "o200k_base" for i in range(12)}
    assert len(library.premium(text, names, resamples=20).to_html().encode()) < 2_000_000


def test_the_pivot_by_its_name(tmp_path: Path) -> None:
    folder = tmp_path / "parallel"
    folder.mkdir()
    for code in ("eng_Latn", "deu_Latn", "jpn_Jpan", "tha_Thai", "zho_Hans"):
        (folder / f"{code}.dev").write_text("\n".join(TEXT[code]))
    (folder / "_LANGUAGES.tsv").write_text("deu_Latn\tGerman\njpn_Jpan\tJapanese\n")
    report = library.premium(folder)
    assert report.get("deu_Latn", "o200k_base").name == "German"
    assert report.pivot_name == "English"
    assert "as many tokens as English" in report.to_html()
    assert library.premium(TEXT).pivot_name == "eng_Latn"


def test_costs_of_conversations_are_those_of_texts(tmp_path: Path) -> None:
    said = [{"role": ("user", "assistant")[i % 2], "content": "word"} for i in range(6)]
    path = write_jsonl(tmp_path / "a.jsonl", [{"messages": said, "tag": "a"}])
    prices = {"date": "2026-11-01", "models": {"m": {"input": 2, "output": 8, "tokenizer": "o200k_base"}}}
    report = library.cost(path, "m", by="tag", base="a", prices=prices, format="messages")
    page = report.to_html().split("Manifest</h2>")[0]
    assert "3 requests with 6 texts cost" in page and ">Texts<" in page and "× a" in page
    assert "ocument" not in re.sub(r"<(style|script).*?</\1>", "", page, flags=re.S)
    assert "cost per text relative to a. These are different texts" in " ".join(str(report).split())


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([12.5, 0.25, 1000], ["12.50", "0.25", "1,000.00"]),
        ([0.0123, 1.5], ["0.012", "1.500"]),
        ([0.00000001, 2.0, None, 0], ["<0.000001", "2.000000", "-", "0.000000"]),
        ([], []),
    ],
)
def test_amounts_below_each_other(values: list[float | None], shown: list[str]) -> None:
    assert amounts(values) == shown


def test_pages_by_the_command(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "a.jsonl", [{"text": "words"}, {"text": "more words"}])
    for command in (["count", path], ["density", path], ["claims", "--text", f"eng={path}"]):
        page = tmp_path / f"{command[0]}.html"
        assert fasttok(*command, "--html", page).code == 0
        assert "<h1>" in page.read_text()
    assert fasttok("count", path, "--total", "--html", tmp_path / "x.html").code == 2


def test_pictures(premium: library.PremiumReport, tmp_path: Path) -> None:
    folder = tmp_path / "parallel"
    folder.mkdir()
    for code in ("eng_Latn", "deu_Latn"):
        (folder / f"{code}.dev").write_text("\n".join(TEXT[code]))
    files = {kind: tmp_path / f"x.{kind}" for kind in ("html", "svg", "png")}
    options = [part for kind, path in files.items() for part in (f"--{kind}", path)]
    assert fasttok("premium", folder, *options).code == 0
    assert files["html"].read_text().startswith("<!DOCTYPE html>")
    svg = files["svg"].read_text()
    assert svg.startswith("<svg") and "deu_Latn" in svg
    assert files["png"].read_bytes().startswith(b"\x89PNG")
    assert premium.plot("cl100k_base").to_dict()["layer"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright (the extra test)")
    if CHROMIUM is None:
        pytest.skip("no Chromium is found: install it, or name it in FASTTOK_CHROMIUM")
    with sync_api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield launched
        launched.close()


class Reader:
    """A page in the browser, and what it said and asked for."""

    def __init__(self, browser: Any, path: Path, scheme: str = "light", width: int = 1280) -> None:
        self.context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
        self.page = self.context.new_page()
        self.said: list[str] = []
        self.requests: list[str] = []
        self.page.set_default_timeout(15_000)
        self.page.on("console", lambda message: self.said.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.url = path.as_uri()
        self.page.goto(self.url)
        if self.page.locator(".chart").count():
            self.page.wait_for_selector(".chart svg")

    def column(self, table: str, column: int) -> list[str]:
        """The cells of a column that can be seen."""
        cells: list[str] = self.page.eval_on_selector_all(
            f"#{table} tbody tr:not([hidden])", f"rows => rows.map(row => row.cells[{column}].dataset.v)"
        )
        return cells

    def close(self) -> None:
        assert self.said == []
        assert [url for url in self.requests if not url.startswith(("file:", "data:", "blob:"))] == []
        assert [url for url in self.requests if url.startswith("file:")] == [self.url]
        self.context.close()


def test_sorting(browser: Any, pages: dict[str, Path]) -> None:
    reader = Reader(browser, pages["premium"])
    header = reader.page.locator("#heat-map thead th").nth(2)
    header.locator("button").click()
    assert header.get_attribute("aria-sort") == "descending"
    shown = [float(v) for v in reader.column("heat-map", 2)]
    assert shown == sorted(shown, reverse=True) and len(shown) == 6
    # With the keyboard, and back.
    header.locator("button").focus()
    reader.page.keyboard.press("Enter")
    assert header.get_attribute("aria-sort") == "ascending"
    assert [float(v) for v in reader.column("heat-map", 2)] == sorted(shown)
    reader.page.locator("#heat-map thead th").first.locator("button").click()
    names = reader.column("heat-map", 0)
    assert names == sorted(names)
    assert header.get_attribute("aria-sort") is None
    reader.close()


def test_filtering_and_choosing(browser: Any, pages: dict[str, Path], premium: library.PremiumReport) -> None:
    reader = Reader(browser, pages["premium"])
    reader.page.fill("#filter", "JPN")
    for table in ("heat-map", "measures"):
        assert reader.column(table, 0) == ["jpn_jpan"]
    assert reader.page.inner_text("#matches") == "1 of 6 languages"
    reader.page.select_option("#encoding", "cl100k_base")
    row = premium.get("jpn_Jpan", "cl100k_base")
    assert float(reader.column("measures", 1)[0]) == pytest.approx(row.premium, abs=1e-4)
    assert reader.column("measures", 4) == [str(row.tokens)]
    reader.page.fill("#filter", "")
    assert len(reader.column("measures", 0)) == 6

    assert not reader.page.locator("#heat-map .ci").first.is_visible()
    reader.page.check("#intervals")
    assert reader.page.locator("#heat-map .ci").first.is_visible()
    reader.close()


def test_charts(browser: Any, pages: dict[str, Path]) -> None:
    reader = Reader(browser, pages["premium"])
    reader.page.wait_for_selector("#interval-chart svg")
    for code in TEXT:
        assert reader.page.locator("#interval-chart svg text", has_text=code).count() == 1
    assert reader.page.locator("#spread-chart svg text", has_text="cl100k_base").count() == 1
    reader.close()
    reader = Reader(browser, pages["cost"])
    assert reader.page.locator("#cost-chart svg text", has_text="jpn_Jpan").count() == 1
    assert "The same content as input costs" in reader.page.inner_text("#same")
    reader.close()


def test_an_axis_has_at_most_eight_numbers(browser: Any, pages: dict[str, Path]) -> None:
    for path in pages.values():
        reader = Reader(browser, path)
        labels = reader.page.eval_on_selector_all(
            ".chart svg g.role-axis-label",
            "marks => marks.map(m => [...m.querySelectorAll('text')].map(t => t.textContent))",
        )
        numbers = [axis for axis in labels if axis and all(re.fullmatch(r"[\d.,]+[kMµm]?", label) for label in axis)]
        assert len(numbers) >= (path.name != "claims.html"), labels
        assert all(2 <= len(axis) <= 8 for axis in numbers), numbers
        reader.close()


def test_costs_of_groups_and_their_shares(browser: Any, pages: dict[str, Path]) -> None:
    """Totals first; the dearest group first; amounts below each other have the same decimals."""
    reader = Reader(browser, pages["cost"])
    tables = reader.page.eval_on_selector_all("table", "tables => tables.map(table => table.id)")
    assert tables[:2] == ["totals-table", "cost-table"] and tables[-1] == "price-table"
    head = reader.page.locator("#cost-table thead th").all_inner_texts()
    cost, share = (next(i for i, text in enumerate(head) if text.startswith(name)) for name in ("Cost", "Share"))
    costs = [float(value) for value in reader.column("cost-table", cost)]
    assert costs == sorted(costs, reverse=True) and len(costs) == 6
    (total,) = (float(value) for value in reader.column("totals-table", 1))
    assert [float(value) for value in reader.column("cost-table", share)] == pytest.approx(
        [each / total for each in costs]
    )
    shown = reader.page.locator("#cost-table tbody tr").all_inner_texts()
    decimals = {len(text.split("\t")[cost].partition(".")[2]) for text in shown}
    assert len(decimals) == 1
    reader.close()


def test_tables_that_scroll_say_so(browser: Any, pages: dict[str, Path]) -> None:
    for width, scrolls in ((400, True), (1280, False)):
        reader = Reader(browser, pages["cost"], width=width)
        frames = reader.page.evaluate(
            """() => [...document.querySelectorAll(".hint + .scroll")].map(frame => [
              frame.id || frame.ariaLabel, frame.scrollWidth > frame.clientWidth + 1,
              frame.previousElementSibling.checkVisibility()])"""
        )
        assert len(frames) >= 4
        assert all(wide == told for _, wide, told in frames)
        assert any(wide for _, wide, _ in frames) == scrolls
        reader.close()


def test_totals_stay_below_when_a_table_is_sorted(browser: Any, pages: dict[str, Path]) -> None:
    reader = Reader(browser, pages["count"])
    assert "tokens by o200k_base" in reader.page.inner_text(".lead")
    table = reader.page.locator("table").first
    header = table.locator("thead th").nth(5)
    header.locator("button").click()
    tokens = [int(row.split("\t")[5].replace(",", "")) for row in table.locator("tbody tr").all_inner_texts()]
    assert tokens == sorted(tokens, reverse=True) and len(tokens) == 12
    # Rows stand by themselves: none leaves out what the one above it says.
    assert all(all(row.split("\t")) for row in table.locator("tbody tr").all_inner_texts())
    assert table.locator("tfoot tr").first.inner_text().startswith("total")
    reader.close()


def test_theme(browser: Any, pages: dict[str, Path]) -> None:
    reader = Reader(browser, pages["premium"], scheme="dark")
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = reader.page.evaluate(ground)
    reader.page.click("#theme")
    light = reader.page.evaluate(ground)
    assert sum(map(int, re.findall(r"\d+", light))) > 600 > 150 > sum(map(int, re.findall(r"\d+", dark)))
    reader.page.click("#theme")
    assert reader.page.evaluate(ground) == dark
    reader.close()


def test_names_for_those_who_listen(browser: Any, pages: dict[str, Path]) -> None:
    """Every table has a caption, every control a name, every chart a label, and scrolling places take the focus."""
    for path in pages.values():
        reader = Reader(browser, path)
        unnamed = reader.page.evaluate(
            """() => [
              ...[...document.querySelectorAll("table")].filter(t => !t.caption?.textContent),
              ...[...document.querySelectorAll("input, select")].filter(c => !c.labels.length),
              ...[...document.querySelectorAll("button")].filter(b => !b.textContent.trim() && !b.ariaLabel),
              ...[...document.querySelectorAll(".chart, .scroll, section")].filter(e =>
                !e.getAttribute("aria-label") && !e.getAttribute("aria-labelledby")),
              ...[...document.querySelectorAll(".scroll")].filter(e => e.tabIndex !== 0),
              ...[...document.querySelectorAll("th")].filter(h => !h.scope),
            ].map(e => e.outerHTML.slice(0, 200))"""
        )
        assert unnamed == []
        assert reader.page.locator("h1").count() == 1
        reader.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
def test_no_page_is_wider_than_its_window(browser: Any, pages: dict[str, Path], scheme: str, width: int) -> None:
    ARTIFACTS.mkdir(exist_ok=True)
    for name, path in pages.items():
        reader = Reader(browser, path, scheme, width)
        assert reader.page.evaluate("document.documentElement.scrollWidth") == width
        reader.page.screenshot(path=ARTIFACTS / f"{name}-{scheme}-{width}.png", full_page=True)
        reader.close()
