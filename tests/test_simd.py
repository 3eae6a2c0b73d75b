"""The instructions that counting uses: which ones can be chosen, that all count the same, and that none is a call."""

from __future__ import annotations

import json
import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cli_support import environment
from cli_support import fasttok as command

import fasttok
from fasttok import _fasttok
from fasttok._fasttok import simd_level, simd_levels

NAMES = {"portable", "neon", "avx2-slow-pext", "avx2", "avx512"}
ABSENT = "neon" if platform.machine().lower() in ("x86_64", "amd64") else "avx2"


def python(program: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment(**env),
        check=False,
    )


def test_levels_of_this_machine() -> None:
    levels = simd_levels()
    assert levels[0] == "portable"
    assert set(levels) <= NAMES
    assert simd_level() in levels
    chosen = python("from fasttok._fasttok import *; print(simd_level())", FASTTOK_SIMD="")
    assert chosen.stdout.strip() == levels[-1]


@pytest.mark.parametrize("level", simd_levels())
def test_a_chosen_level_is_used_and_told(level: str, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("Wörter, 漢字とかな, слова 123 и\n" * 100, encoding="utf-8")
    result = command("count", path, "--json", FASTTOK_SIMD=level)
    assert result.code == 0, result.err
    report = result.json()
    assert report["manifest"]["run"]["simd"] == level
    assert report["totals"] == fasttok.count_corpus([path]).to_dict()["totals"]
    told = command("--version", "--verbose", FASTTOK_SIMD=level)
    assert told.out.splitlines()[0] == f"fasttok {fasttok.__version__}"
    assert f"SIMD: {level} " in told.out


TEXTS = [
    "plain words, and more of them " * 50,
    "Größe é 中文字符,カタカナ 한국어 " * 20,
    "слова и ещё слова 😀👩‍💻 " * 20,
    "ไทยภาษา हिन्दी العربية" * 20,
]


def test_all_levels_count_the_same() -> None:
    """The strings of every width are transcoded, and the scripts told, by each level too."""
    program = (
        f"import json, fasttok; from fasttok import _fasttok; texts = {TEXTS!r}\n"
        "each = lambda name: [int(n) for n in fasttok.get_encoding(name).count_batch(texts)]\n"
        "names = ['o200k_base', 'cl100k_base', 'r50k_base']\n"
        "print(json.dumps([*map(each, names), _fasttok._scripts_of(texts), _fasttok.simd_level()]))"
    )
    answers = [json.loads(python(program, FASTTOK_SIMD=level).stdout) for level in simd_levels()]
    assert [answer.pop() for answer in answers] == simd_levels()
    assert all(answer == answers[0] for answer in answers)


@pytest.mark.parametrize(
    ("name", "fault"), [(ABSENT, "is not available"), ("AVX2", "does not exist"), ("sse9", "does not exist")]
)
def test_a_level_that_cannot_be_had_is_an_error(name: str, fault: str, tmp_path: Path) -> None:
    """Not a silent fallback: a figure for a level would be another's."""
    path = tmp_path / "a.txt"
    path.write_text("text")
    told = command("count", path, FASTTOK_SIMD=name)
    assert (told.code, told.out) == (2, "")
    assert told.err.startswith(f'fasttok: SIMD level "{name}" {fault}') and "portable" in told.err
    assert command("--version", "--verbose", FASTTOK_SIMD=name).code == 2
    assert command("--version", FASTTOK_SIMD=name).code == 0
    for use in ("fasttok.get_encoding('o200k_base')", "_fasttok.simd_level()", "_fasttok._scripts_of(['a'])"):
        program = (
            "import fasttok; from fasttok import _fasttok\n"
            f"try: {use}\nexcept fasttok.SimdLevelError as error: print(error.name, isinstance(error, ValueError))"
        )
        assert python(program, FASTTOK_SIMD=name).stdout == f"{name} True\n", use


def test_verbose_alone_says_what_it_goes_with() -> None:
    result = command("--verbose", "count", "x")
    assert result.code == 2 and "--version --verbose" in result.err


INTRINSIC = re.compile(r"^(_RNv(?!X)|_ZN)\w*4core9core_arch(?!.*(5xsave|5cpuid))")
"""A function of `core::core_arch`, where the standard library has the intrinsics, other than those that detection
calls."""

OTHERS = ("_mm256_loadu_si256", "_mm256_movemask_epi8")
"""What aho-corasick and memchr call. In rust/simd these are in kernels only, as all intrinsics are."""

KERNEL = re.compile(r"fasttok_simd.*6kernel")
"""What `level!` in rust/simd makes a function of. One that is called gets its vectors through memory; `write_utf8`
takes references, and is worth a call."""


def functions() -> list[tuple[str, bytes]]:
    """Name and code of each function of the library."""
    elffile = pytest.importorskip(
        "elftools.elf.elffile", reason="reads the symbols of the library: pip install pyelftools"
    )
    with open(_fasttok.__file__, "rb") as file:
        if file.read(4) != b"\x7fELF":
            pytest.skip("the symbols of an ELF library are looked at; other systems compile the same source")
        elf = elffile.ELFFile(file)
        symbols = elf.get_section_by_name(".symtab")
        if symbols is None:
            pytest.skip("this library is stripped of its symbols")
        text = elf.get_section_by_name(".text")
        code, start = text.data(), text["sh_addr"]
        found = []
        for symbol in symbols.iter_symbols():
            if symbol["st_info"]["type"] == "STT_FUNC":
                at = symbol["st_value"] - start
                found.append((symbol.name, code[max(at, 0) : max(at + symbol["st_size"], 0)]))
    assert any("fasttok_simd" in name for name, _ in found), "no function of ours has a name"
    return found


def test_no_intrinsic_is_a_call() -> None:
    """An intrinsic that was not inlined is a function of the library, and costs a call where it should be one
    instruction. See rust/simd."""
    names = {name for name, _ in functions()}
    calls = [name for name in names if INTRINSIC.search(name) and not any(other in name for other in OTHERS)]
    assert sorted(calls + [name for name in names if KERNEL.search(name) and "write_utf8" not in name]) == []


EXTRACTION = re.compile(rb"\xc4[\x43\x63\xc3\xe3]\x79\x14")
"""`vpextrb`, up to its operands."""


@pytest.mark.skipif(ABSENT != "neon", reason="instructions of x86-64")
def test_no_mask_is_taken_apart() -> None:
    """The compiler keeps a vector of 32 bits, for which AVX2 has no register, in 32 registers. See `join` in
    rust/simd/src/x86/avx2.rs."""
    of_avx2 = [(name, code) for name, code in functions() if "Avx2" in name and "outlined" in name]
    assert of_avx2, "no work for AVX2 has a name"
    assert [name for name, code in of_avx2 if len(EXTRACTION.findall(code)) >= 32] == []


LEVELS = {"avx2": "Avx2(?!Slow)", "avx2-slow-pext": "Avx2SlowPext"}
"""How symbols name them."""

BY_BITS = re.compile(rb"\xc4[\x02\x22\x42\x62\x82\xa2\xc2\xe2][" + bytes(0x82 + 8 * n for n in range(16)) + rb"]\xf5")
"""`pext` of 64 bits, up to its operands."""


@pytest.mark.skipif(ABSENT != "neon", reason="instructions of x86-64")
def test_slow_pext_is_not_used_where_it_is_avoided() -> None:
    outlined = [(name, code) for name, code in functions() if "outlined" in name]
    using = {
        level: [name for name, code in outlined if re.search(symbol, name) and BY_BITS.search(code)]
        for level, symbol in LEVELS.items()
    }
    assert using["avx2"] and using["avx2-slow-pext"] == []
