"""The words for objects and colours that every model, rule, table and query shares."""

OBJECTS: tuple[str, ...] = ("person", "bicycle", "motorcycle", "car", "bus", "truck")
"""Index in this tuple is the `class_id` of `Detections`. Later models append; nothing is ever reordered."""

VEHICLES: frozenset[str] = frozenset({"bicycle", "motorcycle", "car", "bus", "truck"})
MOTOR_VEHICLES: frozenset[str] = VEHICLES - {"bicycle"}

COLOURS: tuple[str, ...] = (
    "red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "grey", "silver", "white",
)  # fmt: skip
"""Index in this tuple is a `colour_id`; -1 is unknown."""

ID_OF: dict[str, int] = {name: i for i, name in enumerate(OBJECTS)}
