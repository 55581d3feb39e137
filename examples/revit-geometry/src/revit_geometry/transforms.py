"""Transforms as Revit has them: an origin and three basis vectors."""

import numpy as np


class Transform:
    """An affine transform of points, kept as a matrix of shape (4, 4) that is applied from the left."""

    def __init__(self, matrix):
        self.matrix = np.asarray(matrix, dtype=float)
        if self.matrix.shape != (4, 4):
            raise ValueError(f"a transform is a matrix of 4 by 4, not of shape {self.matrix.shape}")

    @classmethod
    def from_basis(cls, origin, basis_x, basis_y, basis_z):
        """From the properties of a Revit `Transform`: `Origin`, `BasisX`, `BasisY`, `BasisZ`."""
        matrix = np.eye(4)
        matrix[:3, :] = np.stack([basis_x, basis_y, basis_z, origin], axis=1)
        return cls(matrix)

    @classmethod
    def translation(cls, vector):
        """A move by `vector`, shape (3,)."""
        return cls.from_basis(vector, *np.eye(3))

    @classmethod
    def rotation(cls, angle, centre=(0.0, 0.0)):
        """A rotation in plan, counter-clockwise by `angle` in radians, around `centre`."""
        cos, sin = np.cos(angle), np.sin(angle)
        x, y = centre
        origin = (x - cos * x + sin * y, y - sin * x - cos * y, 0)
        return cls.from_basis(origin, (cos, sin, 0), (-sin, cos, 0), (0, 0, 1))

    def __matmul__(self, other):
        """The transform that applies `other` first."""
        return Transform(self.matrix @ other.matrix)

    def inverse(self):
        """The transform that undoes this one."""
        return Transform(np.linalg.inv(self.matrix))

    def points(self, points):
        """Points of shape (n, 3), or (n, 2) in plan at height 0, transformed; the shape stays."""
        points = np.asarray(points, dtype=float)
        dimensions = points.shape[-1]
        return points @ self.matrix[:dimensions, :dimensions].T + self.matrix[:dimensions, 3]
