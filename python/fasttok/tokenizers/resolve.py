"""Encodings by name, by model, and by whatever else names one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from fasttok._fasttok import Encoding, _embedded_names
from fasttok._util.estimates import label as labelled
from fasttok.errors import UnknownEncodingError
from fasttok.tokenizers.models import encoding_name_for_model, explain, look_up, nearest, table

Spec: TypeAlias = str | os.PathLike[str] | Encoding
"""What names an encoding: its name, a tokenizer file or folder, a model, a hub name, or the encoding itself."""

_FILE_ENDINGS = (".json", ".model", ".tiktoken")

_loaded: dict[str, Encoding] = {}


def get_encoding(name: str) -> Encoding:
    """The embedded encoding of that name, the same object each time.

    Loaded when first asked for, without network or cache directory.

    Raises ``UnknownEncodingError`` (a ``ValueError``) with the nearest names.
    """
    encoding = _loaded.get(name)
    if encoding is None:
        # Two threads may get here at once: the first one to finish wins, for both.
        try:
            encoding = _loaded.setdefault(name, Encoding(name))
        except UnknownEncodingError as error:
            raise _or_a_model(error, name) from None
    return encoding


def _or_a_model(error: UnknownEncodingError, name: str) -> UnknownEncodingError:
    """The error for `name`, which is no encoding: where it is the name of a model, what to type for that."""
    known = look_up(name)
    if known.maker is None:
        return error
    model = f"{name!r} is a model, not an encoding"
    in_python = f"in Python also encoding_for_model({name!r})"
    if known.is_embedded:
        message = f"{model}: name its encoding, {known.tokenizer} ({in_python})"
    elif known.tokenizer is not None:
        message = f"{model}: name its tokenizer, {known.tokenizer} on the Hugging Face hub ({in_python})"
    elif known.reason is not None:
        message = f"{model}, and {explain(name, known)}"
    else:
        near = nearest(name)
        if not near:
            return error
        message = f"unknown encoding {name!r}. If it is a model: did you mean {', '.join(near)}?"
    return UnknownEncodingError(message, name=name, nearest=[known.tokenizer] if known.is_embedded else [])


def encoding_for_model(model: str) -> Encoding:
    """The encoding that a model uses: an embedded one for OpenAI's models, that of the model's repository on the
    Hugging Face hub for open ones, taken from its cache or fetched (extra ``hub``).

    Raises ``UnknownModelError`` (a ``ValueError`` and ``KeyError``), also for models whose tokenizer is not
    public, and what :func:`fasttok.load` raises.
    """
    return resolve(encoding_name_for_model(model))


def stand_in(model: str, spec: Spec, encoding: Encoding) -> str | None:
    """Whose tokenizer `spec` is, where it was given to count for `model` and is not the model's own; else None.

    A file of which nothing is known is taken at the user's word, unless no tokenizer of the model is public.
    """
    known = look_up(model)
    name = encoding.name if isinstance(spec, Encoding) else os.fspath(spec)
    if known.is_embedded:
        is_own = encoding == get_encoding(str(known.tokenizer))
    elif known.is_public is False:
        is_own = False
    elif name in list_encodings():
        is_own = known.maker is None
    else:
        other = None if os.path.lexists(name) or "/" not in name else look_up(name).tokenizer
        is_own = known.maker is None or other in (None, known.tokenizer)
    return None if is_own else table()["tiktoken"]["known_by"].get(name, name)


def list_encodings() -> list[str]:
    """The names that :func:`get_encoding` knows."""
    return _embedded_names()


def resolve(spec: Spec) -> Encoding:
    """The encoding that `spec` names: an encoding, the name of an embedded one, a tokenizer file or folder, a model,
    or a name on the Hugging Face hub; the first of these that exists.

    Raises ``UnknownEncodingError`` for a name that is none, or of a model whose tokenizer is not public, and what
    :func:`fasttok.load` raises for the others.
    """
    if isinstance(spec, Encoding):
        return spec
    name = os.fspath(spec)
    if isinstance(spec, str) and name in list_encodings():
        return get_encoding(name)
    if not isinstance(spec, str) or _is_file_or_on_the_hub(name):
        from fasttok.tokenizers.load import load

        return load(spec)
    known = look_up(name)
    if known.tokenizer is not None:
        return resolve(known.tokenizer)
    try:
        return get_encoding(name)
    except UnknownEncodingError as error:
        if known.reason is not None:
            raise
        message = (
            f"{error}{'' if str(error).endswith('?') else '.'} There is no such file or folder either, and a name on "
            "the Hugging Face hub is owner/name"
        )
        raise UnknownEncodingError(message, name=error.name, nearest=error.nearest) from None


def _is_file_or_on_the_hub(name: str) -> bool:
    return os.path.lexists(name) or "/" in name or os.sep in name or name.endswith(_FILE_ENDINGS)


def resolve_one_or_all(specs: Spec | Iterable[Spec] | Mapping[str, Spec]) -> Encoding | dict[str, Encoding]:
    """The encoding where a single one is named, without a label; else as :func:`resolve_all`."""
    return resolve(specs) if isinstance(specs, (str, os.PathLike, Encoding)) else resolve_all(specs)


def resolve_all(
    specs: Spec | Iterable[Spec] | Mapping[str, Spec],
) -> dict[str, Encoding]:
    """The encodings that `specs` name, by the label they have in a report.

    The label is the name of the encoding or model, or the key where `specs` is a mapping: with "(estimate)" behind it
    where that is the name of a model and the encoding is another model's. Two of the same name are told apart by what
    was asked for, or else by a part of the hash.
    """
    if isinstance(specs, Mapping):
        loaded = {label: resolve(spec) for label, spec in specs.items()}
        return {
            labelled(label, stand_in(label, specs[label], encoding) if _is_model(label) else None): encoding
            for label, encoding in loaded.items()
        }
    if isinstance(specs, (str, os.PathLike, Encoding)):
        specs = [specs]
    found: dict[str, Encoding] = {}
    for spec in specs:
        encoding = resolve(spec)
        # An alias (gpt2) keeps its name, and a model has its own.
        is_name = isinstance(spec, str) and (spec in list_encodings() or not _is_file_or_on_the_hub(spec))
        label = str(spec) if is_name else encoding.name
        if label in found and found[label] != encoding:
            label = f"{label} {encoding.hash[:8]}" if isinstance(spec, Encoding) else os.fspath(spec)
        found[label] = encoding
    if not found:
        raise ValueError("no encodings to count with")
    return found


def of_models(models: Iterable[str], others: Iterable[Spec] = ()) -> dict[str, Encoding]:
    """The encodings of `models`, by the names of these, after those that `others` name.

    Raises what :func:`encoding_for_model` and :func:`resolve_all` raise.
    """
    specs = list(others)
    found = resolve_all(specs) if specs else {}
    return {**found, **{model: encoding_for_model(model) for model in models}}


def _is_model(label: str) -> bool:
    known = look_up(label)
    return known.tokenizer is not None or known.reason is not None
