"""Where the tokens of a text are, to be looked at."""

from __future__ import annotations

from fasttok.reports.tokens import TokenSpan, TokenView
from fasttok.tokenizers.resolve import Spec, resolve


def show(text: str, encoding: Spec = "o200k_base") -> TokenView:
    """The tokens of `text`, to be looked at: in a notebook in colours, printed one in a line.

    encoding: what names an encoding, see `fasttok.load`.

    Raises what `Encoding.encode_with_offsets` and `fasttok.load` raise.

    >>> print(show("Hello world"))
    0	5	13225	Hello
    5	11	2375	 world
    """
    loaded = resolve(encoding)
    ids, offsets = loaded.encode_with_offsets(text)
    spans: list[TokenSpan] = []
    for token, (start, stop) in zip(ids.tolist(), offsets.tolist(), strict=True):
        if spans and start < spans[-1].stop:
            # A character that both have a part of.
            last = spans.pop()
            spans.append(TokenSpan(last.start, max(stop, last.stop), (*last.ids, token)))
        else:
            spans.append(TokenSpan(start, stop, (token,)))
    return TokenView(text, loaded.name, tuple(spans))
