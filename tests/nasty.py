"""Text that tokenizers get wrong: the set that ``fasttok verify`` ships."""

from fasttok._nasty import texts

__all__ = ["texts"]
