"""What is shown: HTML views and the HTTP API."""
