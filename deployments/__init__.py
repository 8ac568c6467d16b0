"""Live work on Ray Serve."""
