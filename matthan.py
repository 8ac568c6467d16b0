"""The front door: one command line, nothing else."""


def main() -> int:
    """Placeholder until the first slice stands."""
    return 0
