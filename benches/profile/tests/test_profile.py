"""The profile's own logic: what belongs to which stage, and what the tools' output says."""

from __future__ import annotations

from pathlib import Path

import pytest

from benches.profile import sources, stages
from benches.profile.__main__ import ready, speed, table

ENGINE = "/tree/rust/engine/src/"
SIMD = "/tree/rust/simd/src/"


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        ([("classify", SIMD + "x86/avx2.rs"), ("piece_starts", "pretokenize/block.rs")], "scan"),
        ([("flood", "pretokenize/block.rs"), ("starts", "pretokenize/o200k.rs")], "boundary"),
        ([("starts", "pretokenize/o200k.rs"), ("piece_starts", "pretokenize/block.rs")], "boundary"),
        ([("get", "bpe/cache.rs"), ("drain", "counter.rs")], "look-up"),
        ([("prefetch", SIMD + "table.rs"), ("frequent", "bpe/pairs.rs")], "merge"),
        ([("lowest", SIMD + "x86/avx2.rs"), ("count_in_registers", "bpe/registers.rs")], "merge"),
        ([("continuation", SIMD + "x86/avx2.rs"), ("count", "bpe/east_asian.rs")], "East Asian"),
        ([("block", "counter.rs")], "tally"),
        ([("fasttok_engine::counter::Known::drain", "counter.rs"), ("block", "counter.rs")], "look-up"),
        ([("for_each_part", "added.rs")], "other"),
        ([], "other"),
    ],
)
def test_the_innermost_stage_decides(frames: list[stages.Frame], expected: str) -> None:
    inlined = [("from_le_bytes", "/rustc/1/library/core/src/num/mod.rs")]
    assert (
        stages.stage(
            inlined + [(function, file if file.startswith("/") else ENGINE + file) for function, file in frames]
        )
        == expected
    )


def test_checking_the_probes_file_is_no_stage() -> None:
    assert stages.stage([("core::str::validations::run_utf8_validation", "/rustc/x.rs")]) == stages.PROBE


def test_every_file_of_the_path_has_a_stage() -> None:
    """A module that moves would silently turn into something else."""
    engine = Path(__file__).parents[3] / stages.ENGINE
    for path in ("counter.rs", "bpe/cache.rs", "bpe/alphabetic_segments.rs", "bpe/whole_chars.rs", "bpe/east_asian.rs",
                 "bpe/registers.rs", "pretokenize/block.rs", "classes.rs"):  # fmt: skip
        assert (engine / path).exists(), path


def test_frames_of_addr2line() -> None:
    text = "0x0000000000001000\nget\n/t/bpe/cache.rs:90\ndrain\n/t/counter.rs:7 (discriminator 2)\n0x2000\n??\n??:0\n"
    assert stages.parse_frames(text) == {
        0x1000: [("get", "/t/bpe/cache.rs"), ("drain", "/t/counter.rs")],
        0x2000: [("??", "??")],
    }


def test_loading_is_taken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {1: [("get", ENGINE + "bpe/cache.rs")], 2: [("pair", ENGINE + "bpe/pairs.rs")]}
    monkeypatch.setattr(stages, "frames", lambda addresses, program: found)
    parts = stages.shares({1: 40, 2: 70}, {1: 10, 2: 60, 3: 5}, Path("x"))
    assert parts["look-up"] == pytest.approx(0.75)
    assert parts["merge"] == pytest.approx(0.25)
    assert sum(parts.values()) == pytest.approx(1)
    with pytest.raises(ValueError, match="more text"):
        stages.shares({1: 1}, {1: 1}, Path("x"))


def test_samples_of_perf() -> None:
    assert sources.parse_perf(["          40a0f1 \n", "\n", " 40a0f1\n", "7fff00\n"]) == {0x40A0F1: 2, 0x7FFF00: 1}


def test_costs_of_callgrind() -> None:
    """Self costs only, by object; a called function's cost stands in a line of its own."""
    lines = ["positions: instr line", "ob=/t/probe", "fl=a.rs", "fn=f", "0x1000 7 3", "calls=1 0x2000 9",
             "0x1004 8 500", "fi=b.rs", "0x1008 8 4", "ob=/lib/libc.so", "0x9000 0 6"]  # fmt: skip
    assert sources.parse_callgrind(lines, "/t/probe") == {0x1000: 3, 0x1008: 4, 0: 6}


def test_nothing_to_measure_with_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources.shutil, "which", lambda name: None)
    with pytest.raises(sources.NoSourceError, match="install binutils"):
        sources.choose()


def test_the_first_source_that_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources.shutil, "which", lambda name: name)
    monkeypatch.setattr(sources, "_works", lambda name: name != "perf-cycles")
    assert sources.choose() == "perf-clock"
    assert sources.choose("callgrind") == "callgrind"


def test_the_probes_file_and_line(tmp_path: Path) -> None:
    zstandard = pytest.importorskip("zstandard")
    lines = '{"text": "a"}\n{"text": "字é"}\n'
    (tmp_path / "code.jsonl.zst").write_bytes(zstandard.ZstdCompressor().compress(lines.encode()))
    path = ready("code", tmp_path, tmp_path / "cache", 100)
    assert path.read_bytes() == b"\x01\0\0\0a\x05\0\0\0" + "字é".encode()
    assert speed("x load 5.0ms ready 11.1ms tokens 3 bytes 9 173 MB/s\n") == 173
    with pytest.raises(ValueError, match="not what the probe prints"):
        speed("nothing")


def test_a_row_has_every_stage() -> None:
    parts = dict.fromkeys(stages.STAGES, 0.0) | {"scan": 0.251, "merge": 0.749}
    lines = table("perf-clock", "o200k_base", {"English": (200.0, parts)}).splitlines()
    assert "perf's clock" in lines[0]
    assert lines[-1] == "| English | 200 | 25 | 0 | 0 | 75 | 0 | 0 | 0 |"
    assert lines[2].count("|") == lines[3].count("|") == lines[4].count("|")
