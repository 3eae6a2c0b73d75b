"""Drawing reports: text tables, HTML, charts, pages, the progress bar. Knows reports, computes nothing."""
