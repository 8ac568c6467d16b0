"""The standard's factors, and overriding them."""

import pytest

from analytics import pcu
from analytics.taxonomy import OBJECTS

TABLE = [
    # design speeds, then bicycle, motorcycle, car, truck, bus: TCXDVN 104:2007, table 2
    ((100, 80, 60), (0.5, 0.5, 1, 2, 2.5)),
    ((59, 50, 40, 30), (0.3, 0.25, 1, 2.5, 3)),
    ((29, 20, 10), (0.2, 0.15, 1, 2.5, 3.5)),
]


@pytest.mark.parametrize(
    ("speed", "name", "factor"),
    [
        (v, n, f)
        for speeds, row in TABLE
        for v in speeds
        for n, f in zip(("bicycle", "motorcycle", "car", "truck", "bus"), row, strict=True)
    ],
)
def test_factors(speed, name, factor):
    assert pcu.factor(name, speed) == factor


@pytest.mark.parametrize("name", OBJECTS)
def test_every_vehicle_counts_and_people_do_not(name):
    assert (pcu.factor(name) > 0) is (name != "person")


def test_overrides_win_even_for_what_the_standard_leaves_out():
    assert pcu.factor("motorcycle", 50, {"motorcycle": 0.3}) == 0.3
    assert pcu.factor("person", 50, {"person": 0.1}) == 0.1
    assert pcu.factor("car", 50, {"motorcycle": 0.3}) == 1.0
