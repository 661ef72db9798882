"""The extractors that come with Vedette, a module a source."""
