"""MISP feeds: folders of events that any MISP subscribes to over HTTP."""
