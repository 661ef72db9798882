"""TAXII 2.1: what a collection holds, the exporter that fills ours, and the one that pushes to another server's."""
