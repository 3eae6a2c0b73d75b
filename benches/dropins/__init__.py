"""Speed of the drop-ins of other libraries, beside these."""
