"""One rule, one file: `analytics/rules/<kind>.py`. Dropping in a file makes its kind valid."""
