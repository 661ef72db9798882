"""Correlation: what changed, what deviates, who else saw it, and who disagrees. Pure: values in, values out."""
