import contextlib
import io
import json
import math
import pathlib
import tempfile
import unittest

import numpy as np

from revit_geometry import Room, Transform, cli, feet_to_metres, metres_to_feet, offset, read_rooms
from revit_geometry import loops as plane

ROOMS = pathlib.Path(__file__).parent.parent / "rooms.json"
L_SHAPE = plane.as_loop([(0, 0), (10, 0), (10, 8), (5, 8), (5, 5), (0, 5)])


class Loops(unittest.TestCase):
    def test_area_perimeter_and_centroid_of_an_l_shape(self):
        self.assertAlmostEqual(plane.area(L_SHAPE), 65)
        self.assertAlmostEqual(plane.perimeter(L_SHAPE), 36)
        # Two rectangles: 10 x 5 around (5, 2.5) and 5 x 3 around (7.5, 6.5).
        np.testing.assert_allclose(plane.centroid(L_SHAPE), [(250 + 112.5) / 65, (125 + 97.5) / 65])

    def test_direction_decides_the_sign_only(self):
        self.assertAlmostEqual(plane.signed_area(L_SHAPE[::-1]), -65)
        np.testing.assert_allclose(plane.centroid(L_SHAPE[::-1]), plane.centroid(L_SHAPE))

    def test_a_loop_far_from_the_origin_keeps_its_digits(self):
        far = L_SHAPE + [4.5e6, 5.3e6]
        self.assertAlmostEqual(plane.area(far), 65, places=6)
        np.testing.assert_allclose(plane.centroid(far) - [4.5e6, 5.3e6], plane.centroid(L_SHAPE), atol=1e-6)

    def test_points_in_and_around_a_bend(self):
        inside = plane.contains(L_SHAPE, [(1, 1), (7, 7), (1, 7), (11, 1), (-1, 5)])
        self.assertEqual(inside.tolist(), [True, True, False, False, False])

    def test_contains_agrees_with_the_area(self):
        points = np.random.default_rng(1).uniform((0, 0), (10, 8), (200_000, 2))
        self.assertAlmostEqual(plane.contains(L_SHAPE, points).mean() * 80, 65, delta=0.5)

    def test_a_closing_corner_is_dropped(self):
        self.assertEqual(len(plane.as_loop([(0, 0), (1, 0), (1, 1), (0, 0)])), 3)

    def test_what_is_not_a_loop_is_refused(self):
        for corners in [[(0, 0), (1, 1)], [(0, 0, 0)] * 3, [(0, 0), (1, math.nan), (1, 1)]]:
            with self.assertRaises(ValueError):
                plane.as_loop(corners)


class Offsets(unittest.TestCase):
    def test_area_grows_by_the_perimeter_and_the_corners(self):
        # Five corners turn out and one turns in: four squares of the distance more.
        self.assertAlmostEqual(plane.area(offset(L_SHAPE, 0.1)), 65 + 36 * 0.1 + 4 * 0.1**2)
        self.assertAlmostEqual(plane.area(offset(L_SHAPE[::-1], -0.1)), 65 - 36 * 0.1 + 4 * 0.1**2)

    def test_each_segment_by_its_own_wall(self):
        square = plane.as_loop([(0, 0), (4, 0), (4, 4), (0, 4)])
        np.testing.assert_allclose(offset(square, [1, 0, 0, 0.5]), [(-0.5, -1), (4, -1), (4, 4), (-0.5, 4)])

    def test_a_corner_in_a_straight_wall_moves_with_it(self):
        loop = plane.as_loop([(0, 0), (2, 0), (4, 0), (4, 4), (0, 4)])
        np.testing.assert_allclose(offset(loop, 1)[1], (2, -1))

    def test_an_offset_that_swallows_the_room_is_refused(self):
        with self.assertRaisesRegex(ValueError, "larger than the loop allows"):
            offset(plane.as_loop([(0, 0), (4, 0), (4, 4), (0, 4)]), -2.5)


class Transforms(unittest.TestCase):
    def test_a_room_keeps_its_area_when_it_is_turned_and_moved(self):
        transform = Transform.translation((100, -50, 3)) @ Transform.rotation(math.radians(30), (5, 4))
        turned = transform.points(L_SHAPE)
        self.assertAlmostEqual(plane.signed_area(turned), 65)
        np.testing.assert_allclose(transform.inverse().points(turned), L_SHAPE, atol=1e-9)
        np.testing.assert_allclose(transform.points([(5, 4)]), [(105, -46)])

    def test_a_basis_as_revit_gives_it(self):
        quarter = Transform.from_basis((1, 2, 3), (0, 1, 0), (-1, 0, 0), (0, 0, 1))
        np.testing.assert_allclose(quarter.points([(1, 0, 0), (0, 1, 5)]), [(1, 3, 3), (0, 2, 8)])


class Rooms(unittest.TestCase):
    def test_feet_become_metres_and_back(self):
        self.assertAlmostEqual(float(feet_to_metres(10)), 3.048)
        np.testing.assert_allclose(metres_to_feet(feet_to_metres([1.5, 2])), [1.5, 2])

    def test_a_shaft_is_no_floor_whatever_its_direction_and_place(self):
        for room in read_rooms(ROOMS)[2:]:
            for loops in [room.loops, [loop[::-1] for loop in room.loops], room.loops[::-1]]:
                room = Room.from_feet([metres_to_feet(loop) for loop in loops])
                self.assertAlmostEqual(room.area, 32, places=4)
                self.assertEqual(room.contains([(1, 9), (3, 11), (7, 9)]).tolist(), [True, False, False])

    def test_the_table(self):
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            self.assertEqual(cli.main([str(ROOMS)]), 0)
        lines = output.getvalue().splitlines()
        self.assertEqual(lines[1].split()[-4:], ["20.00", "18.00", "2.50", "2.00"])
        self.assertEqual(lines[-1].split(), ["total", "117.00"])

    def test_a_room_that_is_not_enclosed_is_named(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "rooms.json"
            path.write_text(json.dumps([{"number": "7", "name": "x", "loops": []}]), encoding="utf-8")
            errors = io.StringIO()
            with contextlib.redirect_stderr(errors):
                self.assertEqual(cli.main([str(path)]), 1)
            self.assertIn("room 7: the room is not enclosed", errors.getvalue())


if __name__ == "__main__":
    unittest.main()
