"""A picture of how figures grow: each relative to the smallest registry, on logarithmic scales."""

import math

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760, 420, 60, 190, 20, 50
COLOURS = ("#1b6ca8", "#c44536", "#3a7d44", "#8e5572", "#b8860b", "#4a4e69", "#2a9d8f")


def write(path, sizes, curves):
    """Writes an SVG. `sizes` are those of the registries, and `curves` maps a title to one figure for each of them."""
    relative = {title: [value / values[0] for value in values] for title, values in curves.items() if values[0]}
    most = max(2.0, *(max(values) for values in relative.values()))
    least = min(1.0, *(min(values) for values in relative.values()))

    def x(size):
        return LEFT + (WIDTH - LEFT - RIGHT) * math.log(size / sizes[0]) / math.log(sizes[-1] / sizes[0])

    def y(value):
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * math.log(value / least) / math.log(most / least)

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
        ' font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
    ]
    for size in sizes:
        lines.append(f'<line x1="{x(size):.0f}" x2="{x(size):.0f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" stroke="#ddd"/>')
        lines.append(f'<text x="{x(size):.0f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{size:,}</text>')
    for value in (1, 2, 5, 10, 20, 50, 100):
        if value <= most:
            height = f"{y(value):.1f}"
            lines.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{height}" y2="{height}" stroke="#ddd"/>')
            lines.append(f'<text x="{LEFT - 8}" y="{y(value) + 4:.1f}" text-anchor="end">× {value}</text>')
    lines.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2:.0f}" y="{HEIGHT - 10}" text-anchor="middle">packages</text>')
    below = TOP
    for (title, values), colour in zip(sorted(relative.items(), key=lambda item: -item[1][-1]), COLOURS):
        points = " ".join(f"{x(size):.1f},{y(value):.1f}" for size, value in zip(sizes, values))
        lines.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        # Names keep a line's height apart, where curves end close together.
        below = max(below + 14, y(values[-1]))
        label = f"{title}: × {values[-1]:.2f}"
        lines.append(f'<text x="{WIDTH - RIGHT + 8}" y="{below + 4:.1f}" fill="{colour}">{label}</text>')
    path.write_text("\n".join([*lines, "</svg>", ""]))
