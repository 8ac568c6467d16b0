"""The domain: numbers in, facts out. Knows no file, network, clock, Ray, OpenCV, torch or DuckDB."""
