"""Sinks: exporters for programs that know nothing of threat intelligence, such as files, databases and a web hook."""
