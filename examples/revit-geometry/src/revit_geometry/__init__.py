"""Geometry of rooms and walls from Revit's numbers, in metres."""

from .loops import area, centroid, contains, offset, perimeter, signed_area
from .rooms import Room, read_rooms
from .transforms import Transform
from .units import feet_to_metres, metres_to_feet, square_feet_to_square_metres

__all__ = [
    "Room",
    "Transform",
    "area",
    "centroid",
    "contains",
    "feet_to_metres",
    "metres_to_feet",
    "offset",
    "perimeter",
    "read_rooms",
    "signed_area",
    "square_feet_to_square_metres",
]
