"""Rooms: an outline and the holes in it."""

import json
from dataclasses import dataclass
from typing import List, Tuple

import numpy as np

from . import loops as plane
from .units import feet_to_metres


@dataclass(frozen=True)
class Room:
    """A room in plan, in metres. The loop of the largest area is the outline, the others are holes."""

    loops: Tuple[np.ndarray, ...]
    number: str = ""
    name: str = ""

    @classmethod
    def from_feet(cls, loops, number="", name=""):
        """From boundary loops in Revit's internal units."""
        if not loops:
            raise ValueError("the room is not enclosed: it has no boundary loops")
        metres = [plane.as_loop(feet_to_metres(loop)) for loop in loops]
        return cls(tuple(sorted(metres, key=plane.area, reverse=True)), number, name)

    @property
    def area(self):
        """Floor area in m²."""
        outline, *holes = map(plane.area, self.loops)
        return outline - sum(holes)

    @property
    def perimeter(self):
        """Length of all boundaries in m, those of the holes too, as skirting boards need it."""
        return sum(map(plane.perimeter, self.loops))

    @property
    def centroid(self):
        """Centre of the floor area in m, shape (2,). It may lie outside a room that is bent."""
        areas = np.array([plane.area(loop) for loop in self.loops])
        areas[1:] *= -1
        centres = np.array([plane.centroid(loop) for loop in self.loops])
        return areas @ centres / areas.sum()

    def contains(self, points):
        """Which of the points in m, shape (m, 2), lie in the room and in none of its holes: booleans of shape (m,)."""
        outline, *holes = (plane.contains(loop, points) for loop in self.loops)
        return outline & ~np.any(holes, axis=0) if holes else outline


def read_rooms(path) -> List[Room]:
    """The rooms of a JSON file: a list of objects with `number`, `name`, and `loops` of (x, y) corners in feet."""
    with open(path, encoding="utf-8") as file:
        entries = json.load(file)
    rooms = []
    for entry in entries:
        try:
            rooms.append(Room.from_feet(entry["loops"], entry["number"], entry["name"]))
        except (KeyError, TypeError, ValueError) as error:
            label = entry.get("number", "?") if isinstance(entry, dict) else "?"
            reason = f"{error} is missing" if isinstance(error, KeyError) else error
            raise ValueError(f"{path}: room {label}: {reason}") from error
    return rooms
