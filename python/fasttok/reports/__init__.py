"""Results as data: what was found, how, and what was left out; their export and schemas. Computes and draws nothing."""
