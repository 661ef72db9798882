"""One-shot jobs: what may be asked for, at which targets, and what becomes of the output's lines."""
