"""sentencepiece models made by hand: the protocol buffer written field by field, so that a model may be what no trainer
makes."""

from __future__ import annotations

import functools
import io
import random
import struct
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import nasty

META = "\u2581"
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)

Piece = tuple[str, float, int]


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(number: int, value: bytes | int | float) -> bytes:
    if isinstance(value, bytes):
        return varint(number << 3 | 2) + varint(len(value)) + value
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    return varint(number << 3) + varint(value)


def model(
    pieces: Sequence[Piece],
    *,
    byte_fallback: bool = False,
    suffix: bool = False,
    surface: str | None = None,
    charsmap: bytes = b"",
    dummy_prefix: bool = True,
    remove_extra: bool = True,
    escape: bool = True,
    denormalizer: bytes = b"",
) -> bytes:
    """A BPE model."""
    out = b"".join(field(1, field(1, text.encode()) + field(2, score) + field(3, kind)) for text, score, kind in pieces)
    trainer = field(3, 2) + field(24, int(suffix)) + field(35, int(byte_fallback))
    if surface is not None:
        trainer += field(44, surface.encode())
    out += field(2, trainer)
    flags = field(3, int(dummy_prefix)) + field(4, int(remove_extra)) + field(5, int(escape))
    out += field(3, field(1, b"made") + (field(2, charsmap) if charsmap else b"") + flags)
    if denormalizer:
        out += field(5, field(2, denormalizer) + field(3, 0) + field(4, 0) + field(5, 0))
    return out


def fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The fields of a message that are texts or messages."""
    at = 0

    def number() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        tag = number()
        match tag & 7:
            case 0:
                number()
            case 5:
                at += 4
            case _:
                length = number()
                yield tag >> 3, data[at : at + length]
                at += length


RULES = "41 42\t58\n61\t\n62 63\t62 62 62 62\n3042\t20 20\n20 64\t64\n78 79 7A\t2581\n0041\t0061 0062\n2603\t0020\n"


@functools.cache
def charsmap(name: str) -> bytes:
    """The compiled rules `name`; of rules of our own for "user"."""
    import sentencepiece as spm

    if name == "identity":
        return b""
    with tempfile.TemporaryDirectory() as folder:
        rules = {"normalization_rule_name": name}
        if name == "user":
            (Path(folder) / "rules.tsv").write_text(RULES)
            rules = {"normalization_rule_tsv": str(Path(folder) / "rules.tsv")}
        made = io.BytesIO()
        spm.SentencePieceTrainer.train(
            sentence_iterator=iter(["some words to train on", "and others"]),
            model_writer=made,
            vocab_size=30,
            model_type="bpe",
            hard_vocab_limit=False,
            minloglevel=2,
            **rules,
        )
    for number, value in fields(made.getvalue()):
        if number == 3:
            return next(value for number, value in fields(value) if number == 2)
    raise AssertionError("the model has no normalizer")


ALPHABETS = ["ab", "abc ", "abAB \n", "aé字🎉 ", "abcdxyz☃あ ", "ab\u0301ﬁ１ｶﾞ \u3000\u200b"]


def word(rng: random.Random, alphabet: str, most: int) -> str:
    return "".join(rng.choices(alphabet, k=rng.randrange(1, most)))


def random_model(rng: random.Random) -> tuple[bytes, str]:
    """A model, and the alphabet of its pieces."""
    alphabet = rng.choice(ALPHABETS)
    escape = rng.random() < 0.8
    signs = alphabet.replace(" ", META) if rng.random() < 0.9 else alphabet
    texts: dict[str, None] = {}
    if rng.random() < 0.9:
        texts[META] = None
    for sign in signs:
        if rng.random() < 0.85:
            texts[sign] = None
    made = list(texts)
    for _ in range(rng.randrange(0, 40)):
        joined = made and rng.random() < 0.85
        text = rng.choice(made) + rng.choice(made) if joined else word(rng, signs, 5)
        if len(text) < 12 and text not in texts:
            texts[text] = None
            made.append(text)
    pieces: list[Piece] = []
    odd = rng.random() < 0.5
    unused = rng.random() < 0.3
    ties = rng.random() < 0.25
    byte_fallback = rng.random() < 0.5
    for at, text in enumerate(texts):
        kind = NORMAL
        if odd and rng.random() < 0.08:
            kind = rng.choice([CONTROL, USER_DEFINED])
        if unused and rng.random() < (0.3 if len(text) == 1 else rng.choice([0.01, 0.2])):
            kind = UNUSED
        score = -float(at) if rng.random() < 0.95 else -rng.random() * 40
        if ties and rng.random() < 0.3:
            score = -float(at // 4)
        pieces.append((text, score, kind))
    if rng.random() < 0.3:
        rng.shuffle(pieces)
    head: list[Piece] = [("<unk>", 0.0, UNKNOWN)]
    if rng.random() < 0.8:
        head += [("<s>", 0.0, CONTROL), ("</s>", 0.0, CONTROL)]
    if byte_fallback:
        head += [(f"<0x{byte:02X}>", 0.0, BYTE) for byte in range(256)]
    if rng.random() < 0.3:
        head += [(text, 0.0, USER_DEFINED) for text in ("<u>", META * 2, "aab") if text not in texts]
    pieces = head + pieces if rng.random() < 0.8 else pieces + head
    maps = rng.choices(["identity", "nmt_nfkc", "nfkc", "nmt_nfkc_cf", "user"], [5, 1, 1, 1, 2], k=2)
    data = model(
        pieces,
        byte_fallback=byte_fallback,
        suffix=rng.random() < 0.2,
        surface=rng.choice([None, None, "", "?", META, " x"]),
        charsmap=charsmap(maps[0]),
        dummy_prefix=rng.random() < 0.6,
        remove_extra=rng.random() < 0.5,
        escape=escape,
        denormalizer=charsmap(maps[1]) if rng.random() < 0.2 else b"",
    )
    return data, alphabet + META


def random_texts(rng: random.Random, alphabet: str, count: int) -> Iterator[str]:
    yield from ("", " ", META, "<unk>", "<s>", "<0x0A>", "<u>")
    for _ in range(count):
        match rng.randrange(8):
            case 0:
                yield nasty.part(rng)
            case 1:
                yield word(rng, alphabet + " ", 200)
            case 2:
                yield word(rng, alphabet, 8) * rng.randrange(1, 12)
            case 3:
                text = word(rng, alphabet, 12)
                yield f"<s>{text}<unk>{text}<0x41> {text}"
            case _:
                yield word(rng, alphabet + " ", 24)
