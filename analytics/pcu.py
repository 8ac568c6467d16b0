"""Passenger-car units: how many cars an object is worth to a road's capacity.

Source: TCXDVN 104:2007 "Đường đô thị – Yêu cầu thiết kế" (Urban roads, specifications for design; Decision 22/2007/QĐ-BXD of
30 May 2007), table 2, "Hệ số quy đổi các loại xe ra xe con", by design speed. The standard splits lorries and buses by axles and
seats, which a box does not tell: `truck` takes its row "2-axle lorries and buses under 25 seats", `bus` its row "lorries of
3 axles and more and buses over 25 seats", which is the city bus. Pedestrians have no factor and count 0.
"""

from collections.abc import Mapping

SOURCE = "TCXDVN 104:2007, table 2"

FACTORS: dict[str, tuple[float, float, float]] = {
    # object: at design speeds of 60 km/h and more; 30, 40, 50 km/h; 20 km/h and less
    "bicycle": (0.5, 0.3, 0.2),
    "motorcycle": (0.5, 0.25, 0.15),
    "car": (1.0, 1.0, 1.0),
    "truck": (2.0, 2.5, 2.5),
    "bus": (2.5, 3.0, 3.5),
}


def factor(name: str, design_speed_kmh: float = 50.0, overrides: Mapping[str, float] | None = None) -> float:
    """Passenger-car units of one object of class `name`; 0 for what the standard does not list.

    The standard's columns are 60 and more, 50 to 30, 20 and less; a speed between two columns takes the lower one.

    >>> factor("motorcycle"), factor("motorcycle", 60), factor("bus", 20), factor("car", overrides={"car": 1.1})
    (0.25, 0.5, 3.5, 1.1)
    """
    if overrides and name in overrides:
        return overrides[name]
    column = 0 if design_speed_kmh >= 60 else 1 if design_speed_kmh >= 30 else 2
    return FACTORS[name][column] if name in FACTORS else 0.0
