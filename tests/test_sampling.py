"""Estimates from a sample: intervals that hold the truth, the same whatever the workers, exact where all is read."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from random import Random
from typing import Any

import jsonschema
import numpy as np
import pytest
from cli_support import fasttok as run
from references import LONG
from sampling_trials import CORPORA, documents, jsonl, ratio_trials, trials

import fasttok as library
from fasttok.errors import InputError, MergeError
from fasttok.measures.sampling import student

TRIALS = 200 if LONG else 60


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sampled") / "a.jsonl"
    path.write_bytes(jsonl(documents(Random(1), 2_000_000)))
    return path


@pytest.mark.parametrize("name", CORPORA)
def test_the_interval_holds_the_truth(name: str) -> None:
    """The seeds are fixed, so that what was right stays right; at 95 % each, fewer than 52 of 60 are one case in a
    hundred."""
    # What is packed is read whole where it is smaller.
    size = 40_000_000 if LONG else 20_000_000 if name == "gzip" else 3_000_000
    found = trials(name, TRIALS, size)
    least = 184 if LONG else 52
    assert found.covered["tokens"] >= least, found
    assert min(found.covered.values()) >= least - TRIALS // 20, found
    assert found.width < 0.5, found


@pytest.mark.parametrize("name", CORPORA if LONG else ["sorted by language", "1 % of documents hold half the tokens"])
def test_the_interval_of_a_density_holds_the_truth(name: str) -> None:
    found = ratio_trials(name, TRIALS, 40_000_000 if LONG else 3_000_000)
    least = 184 if LONG else 52
    assert min(found.covered.values()) >= least - TRIALS // 20, found
    assert found.covered["tokens_per_char"] >= least, found
    assert 0 < found.width < 0.3, found


def test_densities_are_estimated(corpus: Path) -> None:
    options = ["--sample", "2%", "--seed", "3", "--by", "language", "--base", "en", "--language-field", "language"]
    report = json.loads(run("density", corpus, *options, "--words", "--json").out)
    jsonschema.Draft202012Validator(library.schema("density")).validate(report)
    counted = json.loads(run("count", corpus, *options[:6], "--language-field", "language", "--json").out)
    assert report["manifest"]["sample"] == counted["manifest"]["sample"]
    assert report["manifest"]["bootstrap"] is None
    for one, other in zip(
        [report["totals"], *sorted(report["groups"], key=lambda group: str(group["key"]))],
        [counted["totals"], *sorted(counted["groups"], key=lambda group: str(group["key"]))],
        strict=True,
    ):
        for name in ("documents", "bytes", "chars"):
            assert one[name] == other[name]
            assert one[f"{name}_interval"] == other[f"{name}_interval"]
        density, count = one["encodings"]["o200k_base"], other["encodings"]["o200k_base"]
        assert density["tokens_interval"] == count["tokens_interval"]
        # Not of sums that are rounded.
        assert density["tokens_per_char"]["value"] == pytest.approx(count["tokens_per_char"], rel=1e-3)
    base = next(group for group in report["groups"] if group["key"]["language"] == "en")
    assert base["encodings"]["o200k_base"]["tokens_per_char_to_base"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    rows = list(csv.DictReader(io.StringIO(run("density", corpus, *options, "--csv").out)))
    assert {"tokens", "tokens_low", "tokens_high", "tokens_per_char_low"} <= rows[0].keys()
    table = run("density", corpus, *options, "--table").out
    assert "±95 %" in table
    assert "Estimates from a sample of 2 %" in " ".join(table.split())


def test_the_variance_of_a_ratio_is_that_of_its_documents(tmp_path: Path) -> None:
    """Texts that are all alike have one density, however little is drawn of them, though their number is not known."""
    (tmp_path / "a.jsonl").write_bytes(jsonl([("en", "always the same words " * 20)] * 20_000))
    found = library.density(tmp_path, by="language", sample=0.02)
    ratio = found.totals.encodings["o200k_base"]["tokens_per_char"]
    assert ratio.low == pytest.approx(ratio.value)
    assert ratio.high == pytest.approx(ratio.value)


def test_all_densities_are_exact(corpus: Path) -> None:
    truth = library.density(corpus, by="language", language_field="language", words=True, resamples=1)
    found = library.density(corpus, by="language", language_field="language", words=True, sample=1)
    for estimate, group in zip([found.totals, *found.groups], [truth.totals, *truth.groups], strict=True):
        assert (estimate.key, estimate.documents, estimate.words) == (group.key, group.documents, group.words)
        assert estimate.scripts == group.scripts
        for measure, right in group.encodings["o200k_base"].estimates.items():
            exact = estimate.encodings["o200k_base"][measure]
            assert exact.value == exact.low == exact.high == right.value
    assert found.manifest["sample"]["exact"]


def test_workers_change_nothing_and_the_seed_does(corpus: Path) -> None:
    def content(**options: Any) -> dict[str, Any]:
        return library.count_corpus(corpus, sample=0.02, by="language", **options).content()

    assert content(threads=1) == content(threads=2) == content(threads=5)
    assert content(seed=1) != content(seed=2)


def test_all_of_it_is_exact(corpus: Path) -> None:
    truth = library.count_corpus(corpus, by="language")
    found = library.count_corpus(corpus, by="language", sample=1)
    assert found.totals.tokens == truth.totals.tokens
    for estimate, group in zip([found.totals, *found.groups], [truth.totals, *truth.groups], strict=True):
        assert estimate.tokens == group.tokens
        assert estimate.scripts == group.scripts
        assert estimate.intervals is not None
        assert estimate.intervals.tokens == {name: (n, n) for name, n in group.tokens.items()}
        assert estimate.intervals.documents == (group.documents, group.documents)
    assert found.manifest["sample"]["exact"]


def test_groups_are_estimated_and_few_units_have_no_interval(tmp_path: Path) -> None:
    some = [("a" if i % 2 else "b", "some words of text " * 20) for i in range(20_000)]
    some[7000] = ("rare", "one document")
    (tmp_path / "a.jsonl").write_bytes(jsonl(some))
    truth = {group.key["language"]: group for group in library.count_corpus(tmp_path, by="language").groups}
    met = False
    for seed in range(60):
        found = library.count_corpus(tmp_path, by="language", sample=0.1, seed=seed)
        by_name = {group.key["language"]: group for group in found.groups}
        assert list(by_name) == sorted(by_name)
        for name in "ab":
            interval = by_name[name].intervals.tokens["o200k_base"]
            assert interval is not None
            assert interval[1] / interval[0] < 1.2
            assert interval[0] * 0.9 < truth[name].tokens["o200k_base"] < interval[1] * 1.1
        if "rare" in by_name:
            met = True
            assert by_name["rare"].intervals.tokens == {"o200k_base": None}
            assert by_name["rare"].intervals.documents is None
        assert sum(found.totals.scripts.values()) == found.totals.chars
        if met:
            break
    assert met


def test_json_csv_and_table_say_that_they_are_estimates(corpus: Path) -> None:
    sample = ["--sample", "2%", "--seed", "3", "--by", "language"]
    report = json.loads(run("count", corpus, *sample, "--json").out)
    assert report["manifest"]["sample"]["fraction"] == 0.02
    assert not report["manifest"]["sample"]["exact"]
    jsonschema.Draft202012Validator(library.schema()).validate(report)
    for tally in [report["totals"], *report["groups"]]:
        for numbers, name in [(tally, "documents"), (tally, "chars"), (tally["encodings"]["o200k_base"], "tokens")]:
            interval = numbers[f"{name}_interval"]
            assert interval is None or interval[0] <= numbers[name] <= interval[1]
    assert report["totals"]["encodings"]["o200k_base"]["tokens_interval"] is not None
    rows = list(csv.DictReader(io.StringIO(run("count", corpus, *sample, "--csv").out)))
    assert {"tokens", "tokens_low", "tokens_high"} <= rows[0].keys()
    table = run("count", corpus, *sample, "--table").out
    assert "±95 %" in table
    assert "Estimates from a sample of 2 %" in " ".join(table.split())
    assert (
        run("count", corpus, "--sample", "0.02", "--seed", "3", "--by", "language", "--csv").out
        == run("count", corpus, *sample, "--csv").out
    )


@pytest.mark.parametrize("value", ["0", "0%", "101%", "2", "x", "-1%", "nan"])
def test_a_part_that_is_none_is_refused(corpus: Path, value: str) -> None:
    done = run("count", corpus, f"--sample={value}")
    assert done.code == 2
    assert "1% or 0.01" in done.err


@pytest.mark.parametrize("value", [0, 1.5, -0.1, float("nan")])
def test_a_fraction_that_is_none_is_refused(corpus: Path, value: float) -> None:
    with pytest.raises(ValueError, match="more than 0 and at most 1"):
        library.count_corpus(corpus, sample=value)


def test_what_does_not_go_with_a_sample_is_refused(corpus: Path, tmp_path: Path) -> None:
    for options in (
        {"quantiles": True},
        {"limits": 5},
        {"checkpoint": tmp_path / "state"},
        {"per_document": tmp_path / "a.parquet"},
    ):
        with pytest.raises(InputError, match="do not go together"):
            library.count_corpus(corpus, sample=0.1, **options)
    for options in (
        {"confidence": 0.9},
        {"checkpoint": tmp_path / "state"},
        {"per_document": tmp_path / "a.parquet"},
    ):
        with pytest.raises(InputError, match="do not go together"):
            library.density(corpus, sample=0.1, **options)
    with pytest.raises(library.TooManyGroupsError):
        library.density(corpus, sample=0.1, by="text", max_groups=5)
    estimate = library.count_corpus(corpus, sample=0.1)
    with pytest.raises(MergeError, match="estimate") as refused:
        library.merge_reports([estimate])
    assert refused.value.option == "sample"
    with pytest.raises(library.TooManyGroupsError):
        library.count_corpus(corpus, sample=0.1, by="text", max_groups=5)


def test_quantiles_of_student() -> None:
    stats = pytest.importorskip("scipy.stats")
    degrees = np.arange(1, 500)
    found = np.array([student(float(n)) for n in degrees])
    assert np.abs(found - stats.t.ppf(0.975, degrees)).max() < 2e-4
    assert student(4.9) == student(4)
