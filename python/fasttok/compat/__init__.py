"""Stand-ins for other tokenizer libraries, with their interfaces: ``fasttok.compat.tiktoken`` and
``fasttok.compat.tokenizers``.

Nothing of it is imported before it is asked for, and none of these libraries is needed for the embedded encodings.
"""
