"""Closed loops of straight segments in the plane, as arrays of shape (n, 2).

The last corner is joined to the first and is not repeated. Counter-clockwise loops have positive area.
"""

import numpy as np


def as_loop(corners):
    """The corners as an array of shape (n, 2), without a repeated last corner; ValueError if they enclose nothing."""
    loop = np.asarray(corners, dtype=float)
    if loop.ndim != 2 or loop.shape[1] != 2:
        raise ValueError(f"a loop is a list of (x, y) corners, not an array of shape {loop.shape}")
    if not np.isfinite(loop).all():
        raise ValueError("a loop has a corner that is not a finite number")
    if len(loop) > 1 and np.array_equal(loop[0], loop[-1]):
        loop = loop[:-1]
    if len(loop) < 3:
        raise ValueError(f"a loop has at least 3 corners, not {len(loop)}")
    return loop


def _cross(a, b):
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


def signed_area(loop):
    """Area by the shoelace formula: positive if the loop runs counter-clockwise."""
    # Around the first corner: Revit models can lie kilometres from the origin, where the products lose their digits.
    local = loop - loop[0]
    return 0.5 * float(_cross(local, np.roll(local, -1, axis=0)).sum())


def area(loop):
    """Enclosed area."""
    return abs(signed_area(loop))


def perimeter(loop):
    """Length of all segments."""
    return float(np.linalg.norm(np.roll(loop, -1, axis=0) - loop, axis=1).sum())


def centroid(loop):
    """Centre of the enclosed area, shape (2,)."""
    local = loop - loop[0]
    following = np.roll(local, -1, axis=0)
    cross = _cross(local, following)
    total = cross.sum()
    if total == 0:
        raise ValueError("a loop without area has no centroid")
    return loop[0] + ((local + following) * cross[:, None]).sum(axis=0) / (3 * total)


def contains(loop, points):
    """Which of the points, shape (m, 2), lie inside: booleans of shape (m,). A point on a segment may be either."""
    points = np.asarray(points, dtype=float).reshape(-1, 2)
    start, end = loop[None, :, :], np.roll(loop, -1, axis=0)[None, :, :]
    x, y = points[:, None, 0], points[:, None, 1]
    crosses = (start[..., 1] > y) != (end[..., 1] > y)
    rise = np.where(crosses, end[..., 1] - start[..., 1], 1.0)
    at = start[..., 0] + (y - start[..., 1]) * (end[..., 0] - start[..., 0]) / rise
    return np.count_nonzero(crosses & (x < at), axis=1) % 2 == 1


def offset(loop, distance):
    """The loop with every segment moved outwards by `distance` (inwards if negative), corners mitred.

    `distance` is one number, or one for each segment, the first being that from corner 0 to corner 1.
    ValueError if a corner folds back on itself, or an inward offset leaves nothing.
    """
    direction = np.roll(loop, -1, axis=0) - loop
    length = np.linalg.norm(direction, axis=1)
    if (length == 0).any():
        raise ValueError("a loop with two equal corners in a row has a segment without direction")
    direction = direction / length[:, None]
    outwards = np.stack([direction[:, 1], -direction[:, 0]], axis=1) * np.sign(signed_area(loop))
    moved = np.broadcast_to(np.asarray(distance, dtype=float), len(loop))
    before = np.roll(np.arange(len(loop)), 1)
    # A corner moves so far that it lies at the asked distance from both of its segments.
    turn = _cross(direction[before], direction)
    straight = np.abs(turn) < 1e-9
    if (straight & ((direction[before] * direction).sum(axis=1) < 0)).any():
        raise ValueError("a loop that folds back on itself has no offset")
    if (straight & ~np.isclose(moved[before], moved)).any():
        raise ValueError("two segments in one line need the same offset")
    safe = np.where(straight, 1.0, turn)[:, None]
    shift = (outwards * moved[:, None])
    base = shift[before]
    along = _cross(shift - base, direction)[:, None] / safe
    result = loop + np.where(straight[:, None], shift, base + direction[before] * along)
    if np.sign(signed_area(result)) != np.sign(signed_area(loop)) or (
        ((np.roll(result, -1, axis=0) - result) * direction).sum(axis=1) <= 0
    ).any():
        raise ValueError("the offset is larger than the loop allows")
    return result
