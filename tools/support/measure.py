"""Times of commands, and how they are told."""

import os
import statistics
import subprocess
import time


def seconds(commands, peer):
    """The wall time of running `commands` one after the other as `peer`. A command that fails ends the measurement."""
    # What earlier work left to be written would otherwise be written during this one.
    os.sync()
    begin = time.perf_counter()
    results = [
        subprocess.run(
            command, cwd=peer.project, env=peer.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        for command in commands
    ]
    elapsed = time.perf_counter() - begin
    for result in results:
        if result.returncode != 0:
            raise SystemExit(
                f"error: `{' '.join(result.args)}` ended with {result.returncode}:\n{result.stdout}{result.stderr}"
            )
    return elapsed


def resources(command, environment):
    """The wall time of a command in seconds, and the most memory that it held in MiB."""
    os.sync()
    begin = time.perf_counter()
    process = subprocess.Popen(
        list(map(str, command)),
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    with process.stderr as pipe:
        said = pipe.read()
    _pid, status, usage = os.wait4(process.pid, 0)
    elapsed = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"error: `{' '.join(process.args)}` ended with {process.returncode}:\n{said.decode()}")
    return elapsed, usage.ru_maxrss / 1024


def interleaved(peers, runs, prepare, action):
    """Per peer the times of `runs[peer.name]` runs, one of each peer in turn, and another one first in each round.

    `prepare(peer)` is not timed; `action(peer)` gives the commands.
    """
    times = {peer.name: [] for peer in peers}
    for turn in range(max(runs.values())):
        first = turn % len(peers)
        for peer in peers[first:] + peers[:first]:
            if len(times[peer.name]) < runs[peer.name]:
                prepare(peer)
                times[peer.name].append(seconds(action(peer), peer))
    return times


def spread(times):
    """`0.123 s (0.120–0.131)`: the median, the least and the most."""
    return f"{statistics.median(times):.3f} s ({min(times):.3f}–{max(times):.3f})"


def ratio(times, others):
    return f"{statistics.median(times) / statistics.median(others):.2f}"


def table(header, rows):
    """A Markdown table; the first column is text and the others are figures."""
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
