"""The commands, one module for each: parse options, call one function, print one report.

What a command calls is imported when it runs: its help needs neither numpy nor a tokenizer.
"""
