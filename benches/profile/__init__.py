"""Where the time of counting goes, by stage and language. See benches/README.md for the method."""
