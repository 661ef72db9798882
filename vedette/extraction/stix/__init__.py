"""STIX 1.x packages with CybOX 2 observables, and STIX 2.x bundles."""
