"""Parsers: raw output to a validated standard form; found by name through the entry points `vedette.parsers`."""
