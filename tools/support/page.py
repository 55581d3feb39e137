"""benches/README.md: the page that the measurements write their results into."""

import os
import pathlib
import platform
import subprocess

from support.program import REPOSITORY, TARGET, talk

PAGE = REPOSITORY / "benches/README.md"


def machine():
    """One line about this machine."""
    described = (line.partition(":") for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines())
    cpu = next((text.strip() for field, _, text in described if field.strip() == "model name"), platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    file_system = subprocess.run(
        ["df", "--output=fstype", TARGET], check=True, capture_output=True, text=True
    ).stdout.split()[-1]
    kernel = ".".join(platform.release().split(".")[:2])
    return f"Machine: {os.cpu_count()} × {cpu}, {memory:.0f} GiB, Linux {kernel}, {file_system}."


def write(section, text):
    """Puts `text` between the marks of a section."""
    begin, end = f"<!-- measured: {section} -->\n", f"<!-- end: {section} -->\n"
    before, rest = PAGE.read_text().split(begin)
    PAGE.write_text(before + begin + text + end + rest.split(end)[1])
    talk(f"wrote {PAGE}")
