"""Pages of reports: self-contained HTML with tables, charts, definitions and manifest."""
