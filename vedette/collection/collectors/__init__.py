"""The collectors that come with Vedette; others are added through entry points."""
