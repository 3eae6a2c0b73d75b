"""Small vocabularies, trained here, in every configuration that files of tokenizers have."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from nasty import texts

TEXT = """
the of and a to in is was he for it with as his on be at by I this had not are but from or have an they which
one you were her all she there would their we him been has when who will more no if out so said what up its
about into than them can only other new some could time these two may then do first any my now such like our
over man me even most made after also did many before must through years where much your way well down should
because each just those people how too little state good very make world still own see men work long get here
between both life being under
"""
WORDS = TEXT.split()


def corpus() -> Iterator[str]:
    """What the vocabularies are trained on: words, numbers, code, and the nasty text itself."""
    yield from texts(41, 3_000)
    for i in range(400):
        yield " ".join(WORDS[(i * 7 + j * j) % len(WORDS)] for j in range(40)) + f" {i} {i * i * i}\n"
        yield f"def f_{i}(x):\n    return x + {i}  # 使用API接口 {i}\n\n\n"
        yield "数据处理的方法，" * (i % 5) + "こんにちは世界" + "한국어 문장" + "Привет, мир! " + "नमस्ते दुनिया " + "สวัสดี"


def trained(size: int = 1_500, *, alphabet: bool = True, **pipeline: Any) -> dict[str, Any]:
    """A ``tokenizer.json`` with the components of `pipeline`, as a dict. Without `alphabet` bytes are missing."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    skeleton = json.loads(Tokenizer(models.BPE(unk_token=pipeline.pop("unk_token", None))).to_str())
    added = pipeline.pop("added_tokens", [])
    model = pipeline.pop("model", {})
    skeleton.update(pipeline)
    tokenizer = Tokenizer.from_str(json.dumps(skeleton))
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        show_progress=False,
        special_tokens=[] if tokenizer.model.unk_token is None else [tokenizer.model.unk_token],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet() if alphabet else [],
        limit_alphabet=1000 if alphabet else 120,
    )
    tokenizer.train_from_iterator(corpus(), trainer)
    made: dict[str, Any] = json.loads(tokenizer.to_str())
    made["added_tokens"] = [
        {
            "id": len(made["model"]["vocab"]) + i,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": False,
            **token,
        }
        for i, token in enumerate(added)
    ]
    made["model"].update(model)
    return made


def byte_level(*, add_prefix_space: bool = False, use_regex: bool = False) -> dict[str, Any]:
    return {
        "type": "ByteLevel",
        "add_prefix_space": add_prefix_space,
        "trim_offsets": True,
        "use_regex": use_regex,
    }


def split(regex: str, behavior: str = "Isolated", invert: bool = False) -> dict[str, Any]:
    return {"type": "Split", "pattern": {"Regex": regex}, "behavior": behavior, "invert": invert}


def literal(text: str, behavior: str) -> dict[str, Any]:
    return {"type": "Split", "pattern": {"String": text}, "behavior": behavior, "invert": False}


def steps(*components: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "Sequence", "pretokenizers": list(components)}
