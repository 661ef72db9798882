"""Sharing as STIX 2.1: what an investigation becomes, object by object, and a bundle of them as a file."""
