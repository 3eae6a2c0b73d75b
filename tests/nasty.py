"""Text that tokenizers get wrong: the set that ``fasttok verify`` ships."""

from fasttok.verify.adversarial import CONTRACTIONS, SCRIPTS, SPACES, SPECIAL, WORDS, any_character, part
from fasttok.verify.adversarial import adversarial_texts as texts

__all__ = ["CONTRACTIONS", "SCRIPTS", "SPACES", "SPECIAL", "WORDS", "any_character", "part", "texts"]
