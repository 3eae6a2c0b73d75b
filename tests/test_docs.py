"""What the pages name exists: links, paths, commands, options and names; their Python runs; their words are the
glossary's.

A block of Python that needs the network, or a library that does, says so in a comment before it:
``<!-- not run: why -->``. Every other one is run, in a folder made of the sample that ships inside.
"""

from __future__ import annotations

import importlib
import json
import re
import shlex
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import click
import pytest

import fasttok
from fasttok.cli.app import COMMANDS, app

ROOT = Path(__file__).parent.parent
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "benches").glob("*.md")),
    *sorted((ROOT / "fuzz").glob("*.md")),
]
FOR_USERS = [page for page in PAGES if page.parent.name not in ("benches", "fuzz")]
FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)\n(?P<code>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
FOLDERS = ("rust/", "python/", "tests/", "benches/", "docs/", "fuzz/", ".github/", ".ci/")


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def prose(page: Path) -> str:
    """The page without its blocks of code."""
    return FENCE.sub("", page.read_text("utf-8"))


def blocks(page: Path, *languages: str) -> Iterator[tuple[int, str, str]]:
    """The blocks of code in these languages: line, code, and the line of text before."""
    text = page.read_text("utf-8")
    for fence in FENCE.finditer(text):
        if fence["language"] in languages:
            before = text[: fence.start()].rstrip("\n").rpartition("\n")[2]
            yield text.count("\n", 0, fence.start()) + 2, fence["code"], before


def inline(page: Path) -> list[str]:
    return re.findall(r"`([^`\n]+)`", prose(page))


def commands(page: Path) -> Iterator[list[str]]:
    """The words of every fasttok command on the page, in blocks and in the text."""
    lines = []
    for _, code, _ in blocks(page, "console", ""):
        lines += re.findall(r"^\s*\$ (.*)$", code.replace("\\\n", " "), re.MULTILINE)
    for line in [*lines, *inline(page)]:
        for part in line.split("|"):
            if re.match(r"\s*fasttok [a-z-]", part):
                yield shlex.split(part, comments=True)


# Links, paths, names


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_code_in_the_text_ends_in_its_line(page: Path) -> None:
    """What is not closed turns text and code round in the rest of the paragraph, for readers of the source and here."""
    assert [line for line in prose(page).splitlines() if line.count("`") % 2] == []


@cache
def anchors(page: Path) -> set[str]:
    text = prose(page)
    found = set(re.findall(r'<a id="([^"]+)">', text))
    for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE):
        heading = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading)
        found.add(re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-"))
    return found


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        if anchor:
            assert anchor in anchors(there), target


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_paths_exist(page: Path) -> None:
    for code in inline(page):
        path = "python/" + code if code.startswith("fasttok/") else code
        if path.startswith(FOLDERS) and re.fullmatch(r"[\w.*/-]+", path):
            assert any(ROOT.glob(path.rstrip("/"))) or path == "docs/", code


@pytest.mark.parametrize("page", FOR_USERS, ids=name_of)
def test_names_exist(page: Path) -> None:
    """`fasttok.NAME` and `fasttok.NAME()`. A schema has a slash: `fasttok.report/1`."""
    for code in inline(page):
        if found := re.match(r"fasttok((?:\.\w+)+)(?![\w/])", code):
            value: Any = fasttok
            parts = found[1].split(".")[1:]
            if not hasattr(value, parts[0]) and (Path(fasttok.__file__).parent / f"{parts[0]}.py").is_file():
                # A module for a library that may not be here: the names that it has are in its source.
                source = (Path(fasttok.__file__).parent / f"{parts[0]}.py").read_text("utf-8")
                assert all(re.search(rf"\b{part}\b", source) for part in parts[1:]), code
                continue
            if parts[0] == "compat":
                importlib.import_module("fasttok." + ".".join(parts[:2]))
            for part in parts:
                assert hasattr(value, part), code
                value = getattr(value, part)


def test_targets_of_make_exist() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for page in PAGES:
        for code in [*inline(page), *(code for _, code, _ in blocks(page, "console"))]:
            for target in re.findall(r"(?:^|\$ )make ([a-z-]+)", code):
                assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"{page.name}: make {target}"


# Commands


@cache
def options(command: str) -> set[str]:
    found = app.get_command(click.Context(app), command)
    assert found is not None, command
    return {"--help", "-h", *(option for parameter in found.params for option in parameter.opts)}


@pytest.mark.parametrize("page", FOR_USERS, ids=name_of)
def test_commands_and_options_exist(page: Path) -> None:
    known = {option for name in COMMANDS for option in options(name)} | {"--version"}
    for words in commands(page):
        if words[1].startswith("-"):
            assert words[1] in known, words
            continue
        assert words[1] in COMMANDS, words
        for word in words[2:]:
            if word.startswith("-") and word != "-":
                assert word.partition("=")[0] in options(words[1]), words
    for code in inline(page):
        if code.startswith("--"):
            assert code.split()[0].partition("=")[0] in known, code


# Python

PYTHON = [
    pytest.param(code, before, id=f"{name_of(page)}:{line}")
    for page in PAGES
    for line, code, before in blocks(page, "python")
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the examples read: the sample, as a corpus, as traffic and as parallel text, and a tokenizer's file."""
    from agent_logs import claude_session, codex_session
    from agent_logs import lines as write_logs
    from training import byte_level, trained

    folder = tmp_path_factory.mktemp("examples")
    records = [json.loads(line) for line in (files("fasttok") / "demo" / "sample.jsonl").read_bytes().splitlines()]
    for record in records:
        record.update(body=record["text"], source="sample")
    lines = "".join(json.dumps(record) + "\n" for record in records)
    for name in ("corpus/sample.jsonl", "more/sample.jsonl", "traffic.jsonl"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(lines, "utf-8")

    chat = {"messages": [{"role": "user", "content": "Where is it?"}, {"role": "assistant", "content": "Here."}]}
    (folder / "chats.jsonl").write_text(json.dumps(chat) + "\n", "utf-8")
    write_logs(folder / "logs" / "s1.jsonl", [*claude_session("a session"), *codex_session()])
    units: dict[str, list[str]] = defaultdict(list)
    for record in sorted(records, key=lambda record: str(record["id"])):
        units[record["language"]].append(record["text"])
    for layout, name in (("ntrex128", "newstest2019-src.{}.txt"), ("flores200/devtest", "{}.devtest")):
        (folder / layout).mkdir(parents=True)
        for language, texts in units.items():
            code = language if "flores" in layout else language.partition("_")[0]
            if language != "zho_Hant" or "flores" in layout:
                (folder / layout / name.format(code)).write_text("".join(f"{text}\n" for text in texts), "utf-8")

    made = json.dumps(trained(400, pre_tokenizer=byte_level(use_regex=True), decoder=byte_level()))
    for name in ("tokenizer.json", "deepseek-v3.json"):
        (folder / name).write_text(made, "utf-8")
    return folder


@pytest.mark.parametrize(("code", "before"), PYTHON)
def test_python(code: str, before: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = compile(code, "example", "exec")
    if before.startswith("<!-- not run: "):
        return
    pandas, pyarrow = pytest.importorskip("pandas"), pytest.importorskip("pyarrow")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("FASTTOK_CACHE", "0")
    texts = ["one", None, "two words"]
    given = {
        "enc": fasttok.get_encoding("o200k_base"),
        "fasttok": fasttok,
        "text": "How many tokens is this?",
        "texts": [text for text in texts if text],
        "ids": [0, 1],
        "df": pandas.DataFrame({"text": texts}),
        "pd": pandas,
        "pa": pyarrow,
    }
    exec(compiled, given)


# Words

SAY_PER = re.compile(
    r"\b(tokens?|characters?|bytes?|documents?|files?|units?|records?|objects?|entry|lines?|rows?|cost|watt-hours|one|"
    r"seconds|ns|µs|MB|KB|Wh) an? (CPU second|character|byte|token|word|document|file|line|language|unit|day|month|"
    r"million|second|worker|core|call|piece|script|code point|merge|target|record|group|model)\b"
)
"""Per, with an article: `tokens a character`. A newcomer reads it twice."""


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "CHANGELOG.md"], ids=name_of)
def test_pages_say_per(page: Path) -> None:
    assert [found[0] for found in SAY_PER.finditer(prose(page))] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_help_says_per(command: str) -> None:
    found = app.get_command(click.Context(app), command)
    assert found is not None
    texts = [found.help or "", found.epilog or "", *(getattr(option, "help", None) or "" for option in found.params)]
    assert [said[0] for text in texts for said in SAY_PER.finditer(text)] == []


# JSON

BY_DATA = {"scripts", "script_shares", "key", "by_reason", "unsupported", "estimates", "inputs", "units_dropped"}
BY_DATA |= {"recount", "records", "not_counted", "proxies", "unpriced", "written_tokens", "sent_tokens"}
"""Objects whose members are called by what was counted. So is `encodings`, where it is an object."""


def members(value: Any, name: str = "") -> set[str]:
    """The names of all members of a JSON value."""
    found: set[str] = set()
    if isinstance(value, dict):
        by_data = name in BY_DATA or name == "encodings"
        found |= set() if by_data else value.keys()
        for member, inner in value.items():
            found |= members(inner, "" if by_data else member)
    elif isinstance(value, list):
        for inner in value:
            found |= members(inner)
    return found


def test_every_member_of_the_json_is_documented(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    made = {
        "report.md": fasttok.count_corpus("traffic.jsonl", by="language"),
        "density.md": fasttok.density(
            "traffic.jsonl", base="en", words=True, graphemes=True, partial_tokens=True, language_field="language"
        ),
        "premium.md": fasttok.premium("ntrex128"),
        "usage.md": fasttok.usage("logs", "o200k_base", by="agent"),
        "cost.md": fasttok.cost(
            "traffic.jsonl", ["gpt-4o"], by="language", base="en", requests_per_day=3, wh_per_mtok=5
        ),
    }
    pages = {name: set(re.findall(r"\w+", " ".join(inline(ROOT / "docs" / name)))) for name in made}
    for name, report in made.items():
        assert members(report.to_dict()) - pages[name] - pages["report.md"] == set(), name
    claims = fasttok.check_claims(["o200k_base"], parallel="ntrex128")
    assert members(claims.to_dict()) - pages["report.md"] - pages["premium.md"] == set()
    assert members(fasttok.encodings().to_dict()) - pages["report.md"] == set()
    guide = set(re.findall(r"\w+", " ".join(inline(ROOT / "docs" / "guide.md"))))
    assert members(fasttok.models("gpt-4o").to_dict()) - guide - pages["report.md"] == set()


# Dependencies


def distributions() -> Iterator[str]:
    tomllib = pytest.importorskip("tomllib", reason="Python 3.10 has none")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    for requirements in (project["dependencies"], *project["optional-dependencies"].values()):
        for requirement in requirements:
            yield re.split(r"[\[><=;~ ]", requirement)[0]


def crates() -> Iterator[tuple[str, str]]:
    """Each crate of the workspace with each that it depends on."""
    tomllib = pytest.importorskip("tomllib", reason="Python 3.10 has none")
    for manifest in (*ROOT.glob("rust/*/Cargo.toml"), ROOT / "fuzz" / "Cargo.toml"):
        parsed = tomllib.loads(manifest.read_text("utf-8"))
        for section in ("dependencies", "dev-dependencies", "build-dependencies"):
            for name in parsed.get(section, {}):
                yield manifest.parent.name, name


def test_every_dependency_has_its_line() -> None:
    python, rust = (ROOT / "docs" / "dependencies.md").read_text("utf-8").split("## Rust")
    for name in distributions():
        assert name == "fasttok-engine" or re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", python), name
    rows = re.findall(r"^\| ([^|]*) \| ([^|]*) \|", rust, re.MULTILINE)
    for user, name in crates():
        lines = [users for names, users in rows if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", names)]
        assert name.startswith("fasttok") or any(user in users.split(", ") for users in lines), f"{user}: {name}"
