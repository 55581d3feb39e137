"""`revit-geometry ROOMS.json`: a table of rooms."""

import argparse
import sys

from .rooms import read_rooms


def table(rooms):
    """The lines of the table."""
    width = max([len("name"), *(len(room.name) for room in rooms)])
    yield f"number  {'name':<{width}}  area m²  perimeter m  centroid x m  centroid y m"
    for room in rooms:
        x, y = room.centroid
        yield (
            f"{room.number:<6}  {room.name:<{width}}  {room.area:7.2f}  {room.perimeter:11.2f}"
            f"  {x:12.2f}  {y:12.2f}"
        )
    yield f"{'total':<6}  {'':<{width}}  {sum(room.area for room in rooms):7.2f}"


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="revit-geometry", description="Areas and perimeters of rooms, in metres.")
    parser.add_argument("rooms", help="JSON file of rooms with their boundary loops in feet")
    options = parser.parse_args(arguments)
    try:
        rooms = read_rooms(options.rooms)
    except (OSError, ValueError) as error:
        print(f"revit-geometry: {error}", file=sys.stderr)
        return 1
    # Consoles on Windows may still use a code page without "²".
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")
    for line in table(rooms):
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
