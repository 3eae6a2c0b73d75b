"""The commands, one module for each: parse options, call one function, print one report."""
