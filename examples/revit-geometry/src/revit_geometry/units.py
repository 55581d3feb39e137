"""Revit's internal units: lengths in international feet, areas in square feet, whatever the project shows."""

import numpy as np

METRES_PER_FOOT = 0.3048


def feet_to_metres(lengths):
    """Lengths or coordinates in feet, of any shape, in metres."""
    return np.asarray(lengths, dtype=float) * METRES_PER_FOOT


def metres_to_feet(lengths):
    """Lengths or coordinates in metres, of any shape, in feet."""
    return np.asarray(lengths, dtype=float) / METRES_PER_FOOT


def square_feet_to_square_metres(areas):
    """Areas in square feet, of any shape, in square metres."""
    return np.asarray(areas, dtype=float) * METRES_PER_FOOT**2
