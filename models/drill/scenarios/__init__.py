"""Scene scripts, one a file: `build(seed, seconds, size) -> World`. A dropped-in file is a scene."""
