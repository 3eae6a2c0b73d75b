"""What a model is sent: as openai-harmony, transformers and mistral-common render it, ids and counts alike."""

from __future__ import annotations

import datetime
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conversations import Maker
from references import RANKS, ROOT

import fasttok
from fasttok.inputs.prompts import chat, chat_template
from fasttok.measures.prompt import Prompts

TEMPLATES = Path(__file__).parent / "chat_templates"
TOKENIZERS = ROOT.parent / "shared" / "tokenizers"
DAY = datetime.date(2026, 2, 28)

#: Template, tokenizer, whether its conversations alternate, whether its arguments are texts, what it may be told.
FAMILIES = [
    ("qwen", "qwen2.5", False, True, [{}, {"enable_thinking": False}]),
    ("llama3", "llama3.1", False, False, [{}, {"date_string": "1 May 2025"}]),
    ("gemma", "gemma3", True, True, [{}]),
    ("deepseek", "deepseek-v3", False, True, [{}, {"thinking": True}]),
    ("phi", "phi-4", False, True, [{}]),
    ("glm", "glm-4.7-flash", False, False, [{}, {"enable_thinking": False}]),
    ("minimax", "minimax-m2", False, False, [{}]),
    ("mistral", "mistral-nemo", False, False, [{}]),
]
SPECIAL = {
    "llama3": {"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>"},
    "gemma": {"bos_token": "<bos>", "eos_token": "<eos>"},
    "deepseek": {"bos_token": "<｜begin▁of▁sentence｜>", "eos_token": "<｜end▁of▁sentence｜>"},
    "mistral": {"bos_token": "<s>", "eos_token": "</s>"},
}


def prompts(encoding: Any, **options: Any) -> Prompts:
    defaults = {"rendering": None, "template": None, "add_generation_prompt": True, "date": None, "variables": None}
    return Prompts(encoding, **{**defaults, **options})


# The harmony format


@pytest.fixture(scope="module")
def harmony(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """openai-harmony's encoding, from the ranks that fasttok is built from."""
    library = pytest.importorskip("openai_harmony")
    import zstandard

    folder = tmp_path_factory.mktemp("harmony")
    with zstandard.open(RANKS / "o200k_base.tiktoken.zst", "rb") as ranks:
        (folder / "o200k_base.tiktoken").write_bytes(ranks.read())
    with pytest.MonkeyPatch.context() as patch:
        # Its reader takes them from there instead of the network.
        patch.setenv("TIKTOKEN_ENCODINGS_BASE", str(folder))
        return library.load_harmony_encoding(library.HarmonyEncodingName.HARMONY_GPT_OSS)


def by_harmony(harmony: Any, messages: list[Any], drop_analysis: bool = True) -> list[int]:
    import openai_harmony

    conversation = openai_harmony.Conversation.from_json(json.dumps({"messages": messages}))
    config = openai_harmony.RenderConversationConfig(auto_drop_analysis=drop_analysis)
    ids: list[int] = harmony.render_conversation_for_completion(conversation, openai_harmony.Role.ASSISTANT, config)
    return ids


def test_harmony_conversations(harmony: Any) -> None:
    make = Maker(16)
    for i in range(200):
        messages, tools = make.conversation(), make.tools()
        effort = make.random.choice(("low", "medium", "high", None))
        date = DAY if i % 2 else None
        ours = prompts(
            fasttok.get_encoding("o200k_harmony"), date=date, variables=effort and {"reasoning_effort": effort}
        )
        laid_out = chat.to_harmony(
            messages, tools, reasoning_effort=effort, date=None if date is None else date.isoformat()
        )
        expected = by_harmony(harmony, laid_out)
        assert ours.ids(messages, tools) == expected
        assert ours.ids(laid_out) == expected
        count = ours.count(laid_out)
        assert (count.tokens, count.label, count.leaves_out) == (len(expected), "exact", ())
        assert ours.count(messages, tools).tokens == len(expected)
        assert ours.count(messages, tools).label == "estimate"


class Wild:
    """Messages in the harmony format's own form, with schemas that no one would write."""

    TEXTS = (
        "a",
        "b c",
        "é漢字",
        "null",
        "nullable",
        "",
        "<|end|>",
        "x\ny",
        "\r\n",
        'q"q',
        "\\",
        " lead",
        "trail ",
        "🙂",
    )

    def __init__(self, seed: int) -> None:
        self.random = Maker(seed).random

    def text(self) -> str:
        return self.random.choice(self.TEXTS)

    def chance(self, part: float) -> bool:
        return self.random.random() < part

    def maybe(self, part: float, **made: Any) -> dict[str, Any]:
        return {name: make() for name, make in made.items() if self.chance(part)}

    def texts(self) -> list[str]:
        return [self.text() for _ in range(self.random.randrange(3))]

    def value(self, depth: int = 0) -> Any:
        numbers = (0, -5, 2**63, 2**64, -(2**63) - 1, 10**30, 1.5, 1e16, 1e15, 1e-5, 1e-6, -0.0, 3e-7, 1.25e300, 5e-324)
        kind = self.random.randrange(4 if depth < 3 else 2)
        if kind == 0:
            return self.text()
        if kind == 1:
            exponent = self.random.randrange(-20, 25)
            return self.random.choice((*numbers, True, None, self.random.random() * 10.0**exponent))
        if kind == 2:
            return [self.value(depth + 1) for _ in range(self.random.randrange(3))]
        return {self.text(): self.value(depth + 1) for _ in range(self.random.randrange(3))}

    def schema(self, depth: int = 0) -> Any:
        if self.chance(0.02):
            return self.random.choice((True, None, 5, "x", []))
        kinds = ("string", "number", "integer", "boolean", "null", "weird", ["string", "null"], ["integer"], [], [1], 3)
        made = self.maybe(0.4, type=lambda: self.random.choice(kinds))
        if depth < 4:
            made |= self.maybe(0.5, type=lambda: self.random.choice(("object", "object", "array", "string")))
            made |= self.maybe(0.4, properties=lambda: self.properties(depth), items=lambda: self.schema(depth + 1))
            made |= self.maybe(0.2, oneOf=lambda: [self.schema(depth + 1) for _ in range(self.random.randrange(4))])
            made |= self.maybe(0.02, oneOf=lambda: 5, properties=lambda: 5)
        made |= self.maybe(0.3, required=lambda: self.random.choice((["a"], ["a", 1], [], "a")), description=self.text)
        made |= self.maybe(
            0.2,
            title=self.text,
            default=self.value,
            enum=lambda: self.random.choice((self.texts(), [1, self.text()], "x")),
            examples=lambda: self.random.choice((self.texts(), [1], "x")),
            nullable=lambda: self.random.choice((True, True, False, "yes")),
        )
        items = list(made.items())
        self.random.shuffle(items)
        return dict(items)

    def properties(self, depth: int) -> dict[str, Any]:
        return {self.random.choice(("a", "b", "cé", "d d", "")): self.schema(depth + 1) for _ in range(3)}

    def tools(self) -> dict[str, Any]:
        def tool() -> dict[str, Any]:
            schema = self.schema()
            parameters = schema if isinstance(schema, dict) and self.chance(0.9) else None
            return {"name": self.text(), "description": self.text(), "parameters": parameters}

        def namespace() -> dict[str, Any]:
            tools = [tool() for _ in range(self.random.randrange(3))]
            return {"name": self.text(), "description": self.random.choice((None, self.text())), "tools": tools}

        names = ("functions", "b", "é", "B", "")
        return {self.random.choice(names): namespace() for _ in range(self.random.randrange(4))}

    def content(self, role: str) -> Any:
        if role == "system" and self.chance(0.7):
            said = self.maybe(
                0.5,
                model_identity=self.text,
                knowledge_cutoff=self.text,
                conversation_start_date=self.text,
                reasoning_effort=lambda: self.random.choice(("Low", "Medium", "High")),
                channel_config=lambda: {"valid_channels": self.texts(), "channel_required": self.chance(0.5)},
                tools=self.tools,
            )
            return [{"type": "system_content", **said}]
        if role == "developer" and self.chance(0.8):
            return [{"type": "developer_content", **self.maybe(0.7, instructions=self.text, tools=self.tools)}]
        if self.chance(0.5):
            return self.text() + self.text()
        return [{"type": "text", "text": text} for text in self.texts()]

    def message(self) -> dict[str, Any]:
        role = self.random.choice(("system", "developer", "user", "assistant", "assistant", "tool"))
        made: dict[str, Any] = {"role": role, "content": self.content(role)}
        made |= self.maybe(1 if role == "tool" else 0.1, name=self.text)
        channels = ("analysis", "analysis", "final", "commentary", self.text())
        made |= self.maybe(0.8 if role == "assistant" else 0.2, channel=lambda: self.random.choice(channels))
        kinds = ("json", "<|constrain|>json", "<|constrain|> json", "<|constrain|>", self.text())
        made |= self.maybe(
            0.3,
            recipient=lambda: self.random.choice(("all", self.text(), "functions.f")),
            content_type=lambda: self.random.choice(kinds),
        )
        return made


def test_harmony_whatever_messages_say(harmony: Any) -> None:
    from fasttok.inputs.prompts.harmony import Special, rendered

    encoding = fasttok.get_encoding("o200k_harmony")
    wild = Wild(17)
    for _ in range(1000):
        messages = [wild.message() for _ in range(wild.random.randrange(7))]
        drop = wild.chance(0.7)
        ids: list[int] = []
        for piece in rendered(messages, drop_analysis=drop):
            is_special = isinstance(piece, Special)
            ids += [encoding.special_tokens[piece]] if is_special else encoding.encode(piece, as_list=True)
        assert ids == by_harmony(harmony, messages, drop), json.dumps(messages)


def test_harmony_is_linear(harmony: Any) -> None:
    encoding = fasttok.get_encoding("o200k_harmony")
    message = {"role": "user", "content": "a" * 3_000, "channel": "final"}
    assert prompts(encoding).ids([message]) == by_harmony(harmony, [message])
    # openai-harmony would need hours, for its time grows with the square of such a text. Letters are merged by eights.
    long = prompts(encoding).count([{**message, "content": "a" * 8_000_000}])
    assert long.tokens - prompts(encoding).count([{**message, "content": ""}]).tokens == 1_000_000


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "robot", "content": "a", "channel": "final"}],
        [{"role": "tool", "content": "a", "channel": "final"}],
        [{"role": "tool", "content": "a"}],
        [{"role": "user", "content": [{"type": "system_content"}]}],
        [{"role": "user", "content": [{"type": "image"}], "channel": "final"}],
        [{"role": "user", "content": 5, "channel": "final"}],
        [{"role": "user", "content": "a", "channel": "final", "recipient": 5}],
        [{"role": "user", "content": "a", "channel": "final", "content_type": 5}],
        [{"role": "user"}],
        [{"role": "assistant", "content": "a", "channel": "final", "tool_calls": [{"function": {"name": "f"}}]}],
        [{"role": "system", "content": [{"type": "system_content", "reasoning_effort": 5}]}],
        [{"role": "system", "content": [{"type": "system_content", "tools": [1]}]}],
        [{"role": "developer", "content": [{"type": "developer_content", "tools": [1]}]}],
        [{"role": "developer", "content": [{"type": "developer_content", "tools": {"f": {}}}]}],
        [{"role": "assistant", "tool_calls": 5}],
        [{"content": "a"}],
        ["a"],
        "a",
        {"role": "user"},
    ],
)
def test_harmony_refuses(messages: Any) -> None:
    with pytest.raises(fasttok.errors.InputError):
        fasttok.count_prompt(messages)


# Chat templates


def transformers_rendering() -> Any:
    return pytest.importorskip("transformers.utils.chat_template_utils")


@pytest.fixture
def fixed_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """transformers takes the time from the clock."""

    class Clock(datetime.datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return cls(DAY.year, DAY.month, DAY.day)

    monkeypatch.setattr(transformers_rendering(), "datetime", Clock)


def conversations(name: str, alternates: bool, texts: bool, variables: list[Any]) -> Iterator[tuple[Any, ...]]:
    make = Maker(len(name), alternates=alternates, arguments_as_text=texts)
    for i in range(200):
        yield make.conversation(), make.tools(), i % 5 != 0, variables[i % len(variables)]


@pytest.mark.usefixtures("fixed_day")
@pytest.mark.parametrize(("name", "_", "alternates", "texts", "variables"), FAMILIES)
def test_templates_are_rendered_as_by_transformers(
    name: str, _: str, alternates: bool, texts: bool, variables: list[Any]
) -> None:
    library = transformers_rendering()
    source = (TEMPLATES / f"{name}.jinja").read_text()
    special = SPECIAL.get(name, {})
    template = chat_template.ChatTemplate({"default": source}, special)
    for messages, tools, prompt, asked in conversations(name, alternates, texts, variables):
        normalized = library._normalize_chat_messages(messages)
        expected, _indices = library.render_jinja_template(
            [normalized], tools, chat_template=source, add_generation_prompt=prompt, **{**special, **asked}
        )
        now = datetime.datetime(DAY.year, DAY.month, DAY.day)
        got = chat_template.rendered(
            template, messages, tools=tools, add_generation_prompt=prompt, now=now, variables=asked
        )
        assert got == expected[0]


@pytest.mark.skipif(not TOKENIZERS.is_dir(), reason="no folder ../shared/tokenizers")
@pytest.mark.usefixtures("fixed_day")
@pytest.mark.parametrize(("name", "tokenizer", "alternates", "texts", "variables"), FAMILIES)
def test_prompts_have_the_ids_of_transformers(
    name: str, tokenizer: str, alternates: bool, texts: bool, variables: list[Any], tmp_path: Path
) -> None:
    transformers = pytest.importorskip("transformers")
    import zstandard

    with zstandard.open(TOKENIZERS / f"{tokenizer}.json.zst", "rb") as file:
        (tmp_path / "tokenizer.json").write_bytes(file.read())
    source = (TEMPLATES / f"{name}.jinja").read_text()
    special = SPECIAL.get(name, {})
    (tmp_path / "chat_template.jinja").write_text(source)
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(special))
    theirs = transformers.PreTrainedTokenizerFast(
        tokenizer_file=str(tmp_path / "tokenizer.json"), chat_template=source, **special
    )
    encoding = fasttok.load(tmp_path)
    for messages, tools, prompt, asked in conversations(name, alternates, texts, variables):
        ours = prompts(encoding, add_generation_prompt=prompt, date=DAY, variables=asked)
        assert ours.rendering == "template"
        expected = theirs.apply_chat_template(
            messages, tools=tools, add_generation_prompt=prompt, tokenize=True, return_dict=False, **asked
        )
        assert ours.ids(messages, tools) == expected
        count = ours.count(messages, tools)
        assert (count.tokens, count.label) == (len(expected), "exact")


def test_template_files(tmp_path: Path) -> None:
    hello = [{"role": "user", "content": "Hello"}]
    tools = [{"type": "function", "function": {"name": "f"}}]
    both = [{"name": "default", "template": "{{ bos_token }}A"}, {"name": "tool_use", "template": "BB BB"}]
    config = tmp_path / "tokenizer_config.json"
    config.write_text(json.dumps({"chat_template": both, "bos_token": {"content": "<|endoftext|>"}}))
    for path in (config, tmp_path):
        made = prompts(fasttok.get_encoding("o200k_base"), template=path)
        assert made.ids(hello) == [199999, *fasttok.get_encoding("o200k_base").encode("A").tolist()]
        assert made.count(hello, tools).tokens == 2
        assert set(made.manifest["template"]["sha256"]) == {"default", "tool_use"}
    file = tmp_path / "chat_template.jinja"
    file.write_text("{{ strftime_now('%Y-%m-%d') }} {{ messages[0].content }} {{ x }}")
    made = prompts(fasttok.get_encoding("o200k_base"), template=tmp_path, date=DAY, variables={"x": 5})
    assert made._text(hello, None) == "2026-02-28 Hello 5"
    assert made.manifest["date"] == "2026-02-28"
    assert made.manifest["variables"] == {"x": 5}
    assert prompts(fasttok.get_encoding("o200k_base"), template=file).manifest["date"] is not None
    others = tmp_path / "additional_chat_templates"
    others.mkdir()
    (others / "tool_use.jinja").write_text("TOOLS")
    made = prompts(fasttok.get_encoding("o200k_base"), template=tmp_path, date=DAY)
    assert (made._text(hello, tools), made._text(hello, None)) == ("TOOLS", "2026-02-28 Hello ")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{{ raise_exception('roles must alternate') }}", "roles must alternate"),
        ("{% if %}", "line 1"),
        ("{{ messages[0].content + 5 }}", "refuses"),
        ("{{ messages.append(1) }}", "refuses"),
        ("{{ ''.__class__.__mro__ }}", "refuses"),
        ("{{ nothing.at.all }}", "refuses"),
        ("{{ 1 / 0 }}", "division by zero"),
        ("{{ range(1000000) }}", "Range too big"),
    ],
)
def test_templates_that_fail(source: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "chat_template.jinja"
    file.write_text(source)
    with pytest.raises(fasttok.errors.TemplateError, match=said) as raised:
        fasttok.count_prompt([{"role": "user", "content": "a"}], "o200k_base", template=file)
    assert isinstance(raised.value, ValueError)


def test_templates_that_are_none(tmp_path: Path) -> None:
    hello = [{"role": "user", "content": "Hello"}]
    with pytest.raises(fasttok.errors.NotFoundError):
        fasttok.count_prompt(hello, template=tmp_path / "no.jinja")
    with pytest.raises(fasttok.errors.NotFoundError):
        fasttok.count_prompt(hello, template=tmp_path)
    (tmp_path / "tokenizer_config.json").write_text("{}")
    with pytest.raises(fasttok.errors.TemplateError):
        fasttok.count_prompt(hello, template=tmp_path / "tokenizer_config.json")
    (tmp_path / "tokenizer_config.json").write_text('{"chat_template": [{"name": "default"}]}')
    with pytest.raises(fasttok.errors.TemplateError):
        fasttok.count_prompt(hello, template=tmp_path / "tokenizer_config.json")
    with pytest.raises(fasttok.errors.InputError, match="template says"):
        fasttok.count_prompt(hello, rendering="template")
    (tmp_path / "a.jinja").write_text("a")
    with pytest.raises(fasttok.errors.InputError, match="argument of its own"):
        fasttok.count_prompt(hello, template=tmp_path / "a.jinja", variables={"messages": []})
    with pytest.raises(fasttok.errors.InputError, match="without messages"):
        fasttok.count_prompt([], template=tmp_path / "a.jinja")


def test_what_is_missing_is_named() -> None:
    code = (
        "import sys; sys.modules['jinja2'] = sys.modules['mistral_common'] = None\n"
        "import fasttok, os\n"
        "open('t.jinja', 'w').write('a')\n"
        "for options in ({'template': 't.jinja'}, {'rendering': 'mistral'}):\n"
        "    try: fasttok.count_prompt([{'role': 'user', 'content': 'a'}], **options)\n"
        "    except fasttok.errors.MissingExtraError as error: print(error)\n"
    )
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True, env=dict(os.environ)
        )
    first, second = done.stdout.splitlines()
    assert "fasttok-engine[chat]" in first
    assert "fasttok-engine[mistral]" in second


# mistral-common


@pytest.mark.parametrize(
    "file", ["tekken_240911.json", "tekken_240718.json", "mistral_instruct_tokenizer_240323.model.v3"]
)
def test_mistral_conversations(file: str, tmp_path: Path) -> None:
    mistral_common = pytest.importorskip("mistral_common")
    from mistral_common.protocol.instruct.request import ChatCompletionRequest
    from mistral_common.tokens.tokenizers.mistral import MistralTokenizer

    path = Path(mistral_common.__file__).parent / "data" / file
    if not path.is_file():
        pytest.skip(f"this mistral-common ships no {file}")
    ours = prompts(fasttok.load(path), rendering="mistral")
    theirs = MistralTokenizer.from_file(str(path))
    make = Maker(18)
    for _ in range(200):
        messages = [{**each} for each in make.conversation()]
        for message in messages:
            message.pop("reasoning_content", None)
            if message["role"] == "assistant" and not message.get("tool_calls"):
                message["content"] = message["content"] or "."
        tools = make.tools()
        request = ChatCompletionRequest.from_openai(messages=json.loads(json.dumps(messages)), tools=tools)
        expected = theirs.encode_chat_completion(request).tokens
        assert ours.ids(messages, tools) == expected
        assert ours.count(messages, tools).tokens == len(expected)


def test_mistral_refuses() -> None:
    mistral_common = pytest.importorskip("mistral_common")
    path = Path(mistral_common.__file__).parent / "data" / "tekken_240911.json"
    with pytest.raises(fasttok.errors.InputError, match="mistral-common refuses"):
        fasttok.count_prompt([{"role": "assistant", "content": "a"}] * 2, path, rendering="mistral")
    with pytest.raises(fasttok.errors.InputError, match="not loaded from a file"):
        fasttok.count_prompt([{"role": "user", "content": "a"}], rendering="mistral")


# What a number may be called


def test_labels() -> None:
    messages = [
        {"role": "system", "content": "Be brief"},
        {"role": "user", "name": "ann", "content": [{"type": "text", "text": "Look"}, {"type": "image_url"}]},
    ]
    base = fasttok.get_encoding("o200k_base")
    texts = base.count("Be brief") + base.count("Look")
    alone = fasttok.count_prompt(messages, base)
    assert (alone.tokens, alone.text_tokens, alone.label) == (texts, texts, "text only")
    assert dict(alone.not_counted) == {"image_url": 1}
    assert "parts that are no text" in alone.leaves_out
    estimate = fasttok.count_prompt(messages, base, rendering="estimate")
    # Three tokens for each message and for the answer, one for a name, and roles and names themselves.
    assert estimate.tokens == texts + 3 * 2 + 3 + 1 + base.count("system") + base.count("user") + base.count("ann")
    assert estimate.label == "estimate"
    over = fasttok.count_prompt(messages, base, rendering="estimate", add_generation_prompt=False)
    assert over.tokens == estimate.tokens - 3
    assert int(estimate) == estimate.tokens
    assert str(estimate).startswith(f"{estimate.tokens} tokens (estimate, leaves out ")
    laid_out = [{"role": "user", "channel": "final", "content": "Hello"}]
    assert str(fasttok.count_prompt(laid_out)) == f"{fasttok.count_prompt(laid_out).tokens} tokens (exact)"


def test_a_function_call_is_a_tool_call_and_a_refusal_is_a_text() -> None:
    function = {"name": "f", "arguments": '{"a": 1}'}
    older: list[Any] = [
        {"role": "assistant", "content": None, "function_call": function},
        {"role": "function", "name": "f", "content": "42"},
    ]
    newer: list[Any] = [
        {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "function": function}]},
        {"role": "tool", "tool_call_id": "1", "content": "42"},
    ]
    encoding = fasttok.get_encoding("o200k_harmony")
    assert prompts(encoding).ids(older) == prompts(encoding).ids(newer)
    assert prompts(encoding).count(older).text_tokens == prompts(encoding).count(newer).text_tokens
    refused = {"role": "assistant", "content": None, "refusal": "I cannot do that"}
    said = {"role": "assistant", "content": "I cannot do that", "refusal": None}
    assert prompts(encoding).ids([refused]) == prompts(encoding).ids([said])
    assert prompts(encoding).count([refused]).text_tokens == encoding.count("I cannot do that")


@pytest.mark.parametrize(
    "options",
    [
        {"rendering": "nonsense"},
        {"rendering": "harmony", "encoding": "cl100k_base"},
        {"rendering": "text", "template": "x"},
        {"rendering": "text", "date": datetime.date(2026, 1, 1)},
        {"rendering": "mistral", "date": datetime.date(2026, 1, 1)},
        {"rendering": "mistral", "add_generation_prompt": False},
        {"variables": {"enable_thinking": True}},
        {"messages": [{"role": "user", "content": "a", "channel": "final"}], "tools": [{"name": "f"}]},
        {"tools": [{"type": "function"}]},
        {"tools": 5},
        {"tools": [5]},
        {"tools": [{"name": "f", "description": 5}]},
        {"variables": {"reasoning_effort": 5}},
        {"variables": {"reasoning_effort": "most"}},
        {"messages": [{"role": "assistant", "tool_calls": [{}]}]},
    ],
)
def test_options_that_do_not_fit(options: dict[str, Any]) -> None:
    options = {"messages": [{"role": "user", "content": "a"}], **options}
    with pytest.raises(ValueError):
        fasttok.count_prompt(options.pop("messages"), options.pop("encoding", "o200k_harmony"), **options)


def test_members_that_are_somebody_elses_are_no_harmony() -> None:
    stray = {"role": "user", "content": "a", "channel": "chat", "recipient": "bob", "content_type": "text/plain"}
    plain = {"role": "user", "content": "a"}
    encoding = fasttok.get_encoding("o200k_harmony")
    assert prompts(encoding).ids([stray]) == prompts(encoding).ids([plain])
    assert prompts(encoding).count([stray]).label == "estimate"


def test_texts_are_those_of_the_format_messages() -> None:
    messages: list[Any] = [
        {"role": "user", "content": [{"type": "text", "text": "Look"}, {"type": "image"}]},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Hm"},
                {"type": "tool_use", "id": "1", "name": "f", "input": {"a": [1, "é"]}},
            ],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": "42"}]},
    ]
    tools = [{"name": "f", "parameters": {"type": "object"}}]
    counted = fasttok.count_messages({"messages": messages, "tools": tools}, "o200k_harmony")
    for rendering in ("harmony", "estimate", "text"):
        count = fasttok.count_prompt(messages, "o200k_harmony", rendering=rendering, tools=tools)
        assert count.text_tokens == counted.totals.tokens["o200k_harmony"]
        assert dict(count.not_counted) == {"image": 1}
        # The layout of the harmony format has no calls and results that are parts of a content.
        is_left_out = "calls and results of tools among the parts of a content" in count.leaves_out
        assert is_left_out == (rendering == "harmony")


def test_variables_are_json(tmp_path: Path) -> None:
    (tmp_path / "t.jinja").write_text("{{ n }}")
    for number in (float("nan"), float("inf")):
        with pytest.raises(fasttok.errors.InputError, match="JSON"):
            fasttok.count_prompt(
                [{"role": "user", "content": "a"}], template=tmp_path / "t.jinja", variables={"n": number}
            )
    with pytest.raises(fasttok.errors.FileError, match="cannot read"):
        # A template that is there and cannot be read: its name goes through a file.
        fasttok.count_prompt([{"role": "user", "content": "a"}], template=tmp_path / "t.jinja" / "x.jinja")


# Files


def write(path: Path, records: list[Any]) -> Path:
    path.write_text("".join(f"{record if isinstance(record, str) else json.dumps(record)}\n" for record in records))
    return path


def test_prompts_of_files(tmp_path: Path) -> None:
    make = Maker(19)
    conversations = [(make.conversation(), make.tools()) for _ in range(20)]
    records: list[Any] = [
        *({"messages": messages, "tools": tools} for messages, tools in conversations[:10]),
        *(
            {"custom_id": "a", "body": {"messages": messages, "tools": tools}}
            for messages, tools in conversations[10:19]
        ),
        conversations[19][0],
        [{"role": "user", "channel": "final", "content": "Hello"}],
        "",
        "{cut off",
        {"text": "no conversation"},
        {"messages": [{"role": "robot", "content": "a"}]},
        [{"role": "user", "content": "\ud800"}],
    ]
    file = write(tmp_path / "chats.jsonl", records)
    report = fasttok.count_prompts(file)
    own = prompts(fasttok.get_encoding("o200k_harmony"))
    counts = [own.count(messages, tools) for messages, tools in [*conversations[:19], (conversations[19][0], None)]]
    exact, estimate = report.sums
    assert (exact.label, exact.conversations, exact.tokens) == ("exact", 1, own.count(records[20]).tokens)
    assert (estimate.label, estimate.conversations) == ("estimate", 20)
    assert estimate.tokens == sum(count.tokens for count in counts)
    assert estimate.text_tokens == sum(count.text_tokens for count in counts)
    assert estimate.messages == sum(count.messages for count in counts)
    assert estimate.longest == max(count.tokens for count in counts)
    assert report.conversations == 21
    assert dict(report.ledger.by_reason) == {"broken_json": 1, "unknown_shape": 1, "conversation_refused": 2}
    assert report.ledger.seen == report.ledger.counted + report.ledger.skipped
    assert "robot" in str(report.ledger.entries[2].detail)

    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.validate(json.loads(report.to_json()), fasttok.schema("prompts"))


def test_prompts_of_every_shape_and_layout(tmp_path: Path) -> None:
    asked, answered = {"role": "user", "content": "one two"}, {"role": "assistant", "content": "three"}
    system = {"role": "system", "content": "be brief"}
    records: list[tuple[Any, list[Any]]] = [
        ([asked, answered], [asked, answered]),
        ({"messages": [asked], "system": "be brief"}, [system, asked]),
        (
            {"conversations": [{"from": "human", "value": "one two"}, {"from": "gpt", "value": "three"}]},
            [asked, answered],
        ),
        (
            {"instruction": "one", "input": "two", "output": "three", "history": [["one two", "three"]]},
            [asked, answered, {"role": "user", "content": "one\ntwo"}, answered],
        ),
        ({"custom_id": "a", "body": {"input": "one two", "instructions": "be brief"}}, [system, asked]),
        ({"custom_id": "b", "params": {"messages": [asked], "system": "be brief"}}, [system, asked]),
        ({"custom_id": "c", "body": {"input": [asked, {"type": "message", **answered}]}}, [asked, answered]),
    ]
    template = tmp_path / "t.jinja"
    template.write_text("{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}")
    own = prompts(fasttok.get_encoding("o200k_base"), template=template)
    expected = [own.count(messages).tokens for _, messages in records]
    layouts = [
        "\n".join(json.dumps(record) for record, _ in records),
        json.dumps([record for record, _ in records[1:]], indent=1),
        "\n".join(json.dumps(record, indent=1) for record, _ in records[1:]),
    ]
    for i, layout in enumerate(layouts):
        file = tmp_path / f"{i}.json"
        file.write_text(layout)
        report = fasttok.count_prompts(file, "o200k_base", template=template)
        (sums,) = report.sums
        assert (sums.conversations, sums.tokens) == (len(expected) - (i > 0), sum(expected[i > 0 :]))
        assert sums.text_tokens == fasttok.count_corpus(file, format="messages").totals.tokens["o200k_base"]
        assert report.manifest["messages"]["records"] == {
            "alpaca": 1, "batch_input": 3, "messages": 1 + (i == 0), "sharegpt": 1,
        }  # fmt: skip
    # What is no prompt says why.
    file = write(
        tmp_path / "no.jsonl",
        [
            {"custom_id": "a", "response": {"status_code": 200, "body": {"choices": [{"message": answered}]}}},
            {"custom_id": "b", "error": {"code": "expired"}},
            {"messages": [{"content": "whose?"}]},
            {"conversations": [{"from": "function_call", "value": "f()"}]},
            {"custom_id": "c", "body": {"input": [{"type": "function_call", "name": "f", "arguments": "{}"}]}},
        ],
    )
    refused = fasttok.count_prompts(file, "o200k_base")
    assert [(entry.line, entry.reason) for entry in refused.ledger.entries] == [
        (1, "no_conversation"),
        (2, "error_row"),
        (3, "bad_message"),
        (4, "conversation_refused"),
        (5, "conversation_refused"),
    ]


def test_prompts_by_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from fasttok.measures import prompt_processes

    make = Maker(3)
    records: list[Any] = [
        {"messages": make.conversation(), "tools": make.tools(), "pad": "x" * 9000} for _ in range(900)
    ]
    records[5::100] = [{"messages": [{"role": "robot", "content": "a"}]}] * 9
    file = write(tmp_path / "chats.jsonl", records)
    here = fasttok.count_prompts(file, threads=1)
    monkeypatch.setattr(prompt_processes, "BEFORE", 1 << 20)
    there = fasttok.count_prompts(file, threads=2)
    assert [*there.rows()] == [*here.rows()]
    assert there.ledger.to_dict() == here.ledger.to_dict()
    assert here.conversations == 891
    with pytest.raises(fasttok.TooManySkippedError):
        fasttok.count_prompts(file, threads=2, max_errors=8)
    with pytest.raises(fasttok.InputError, match="robot"):
        fasttok.count_prompts(file, threads=2, on_error="fail")
    # What cannot be told to another process is done in this one.
    value = type("Secret", (), {"__str__": lambda self: "x"})()
    template = tmp_path / "t.jinja"
    template.write_text("{{ messages[0].content }}")
    told = fasttok.count_prompts(file, "o200k_base", template=template, variables={"s": value}, threads=2)
    assert told.conversations == 900


def test_a_process_that_dies_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from fasttok.measures import prompt_processes

    file = write(tmp_path / "chats.jsonl", [{"messages": [{"role": "user", "content": "Hello"}]}])
    monkeypatch.setattr(prompt_processes, "BEFORE", -1)
    monkeypatch.setattr(prompt_processes, "COMMAND", "import os; os._exit(7)")
    with pytest.raises(fasttok.FasttokError, match="ended with code 7"):
        fasttok.count_prompts(file, threads=2)


def test_a_signal_ends_the_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from fasttok.measures import prompt_processes

    asked = []

    class Worker(prompt_processes._Worker):
        def counted(self, records: Any) -> Any:
            asked.append(self)
            os.kill(os.getpid(), signal.SIGINT)
            return super().counted(records)

    file = write(tmp_path / "chats.jsonl", [{"messages": [{"role": "user", "content": "Hello"}]}])
    monkeypatch.setattr(prompt_processes, "BEFORE", -1)
    monkeypatch.setattr(prompt_processes, "COMMAND", "import time; time.sleep(600)")
    monkeypatch.setattr(prompt_processes, "_Worker", Worker)
    with pytest.raises(KeyboardInterrupt):
        fasttok.count_prompts(file, threads=2)
    (worker,) = asked
    assert worker._process.returncode is not None


def test_prompts_command(tmp_path: Path) -> None:
    from cli_support import fasttok as command

    file = write(tmp_path / "chats.jsonl", [[{"role": "user", "content": "Hello"}]])
    (tmp_path / "t.jinja").write_text("{{ strftime_now('%Y') }} {{ messages[0].content }} {{ n + 1 }} {{ s }}")
    result = command(
        "prompts", file, "-e", "o200k_base", "--template", tmp_path / "t.jinja", "--date", "2026-02-28",
        "--variable", "n=4", "--variable", "s=high", "--variable", "t=NaN", "--json",
    )  # fmt: skip
    assert result.code == 0, result.err
    said = json.loads(result.out)
    assert said["prompts"][0]["tokens"] == fasttok.get_encoding("o200k_base").count("2026 Hello 5 high")
    assert said["prompts"][0]["label"] == "exact"
    assert said["manifest"]["variables"] == {"n": 4, "s": "high", "t": "NaN"}
    assert said["manifest"]["date"] == "2026-02-28"
    assert said["manifest"]["template"]["file"] == str(tmp_path / "t.jinja")
    assert command("prompts", file, "--variable", "n").code == 2
    (tmp_path / "t.jinja").write_text("{{ raise_exception('no') }}")
    refused = command("prompts", file, "-e", "o200k_base", "--template", tmp_path / "t.jinja", "--table")
    assert refused.code == 3
    assert "conversation_refused" in refused.err + refused.out
    table = command("prompts", file, "-e", "o200k_base", "--table")
    assert "text only" in table.out
    assert "leaves out" in table.out
