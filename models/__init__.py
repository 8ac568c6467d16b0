"""Neural networks and what turns pixels into numbers: catalogue, detectors, sight, colours, scene signals, the drill."""
