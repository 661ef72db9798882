"""How well prose is read: the shipped weights on labelled text, by the measures that the field uses.

It needs labelled data beside the repository (`../shared/data`), and nothing of training.
"""
