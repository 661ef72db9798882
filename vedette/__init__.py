"""Vedette: a fleet of agents that watch, attest and connect."""

__version__ = "0.1.0"
