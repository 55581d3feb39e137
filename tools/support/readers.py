"""Many readers at once: h2load, with a connection of HTTP/2 with TLS for each, asks for what rvp asks for."""

import resource
import shutil
import statistics
import subprocess
import time

from support.program import talk


def measure(server, paths, work, connections, seconds, rate=None):
    """Has each of `connections` readers ask for `paths` in turn, one after the other, for so many seconds.

    Without a `rate`, a reader asks as soon as it has its answer; with one, so often in a second. Returns the number of
    answers in a second, their times in milliseconds at the percentiles 50, 90 and 99, and how much of a processor nginx and
    h2load used: where both are near 1 on a machine of two, it is the machine that is measured.
    """
    program = shutil.which("h2load")
    if not program:
        raise SystemExit("error: there is no h2load\n  hint: tools/install-prerequisites installs it")
    urls, log = work / "urls", work / "times"
    urls.write_text("".join(f"{server.url}{path}\n" for path in paths))
    log.unlink(missing_ok=True)
    command = [program, "-c", connections, "-m", 1, "-t", 1, "-i", urls]
    command += ["-D", seconds, "--warm-up-time", 2, "--log-file", log]
    if rate:
        command += ["--rps", rate]
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 2 * connections:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4 * connections), hard))
    before, begin = server.processor_seconds(), time.perf_counter()
    own = children_seconds()
    result = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    elapsed = time.perf_counter() - begin
    if result.returncode != 0:
        raise SystemExit(f"error: h2load ended with {result.returncode}:\n{result.stdout}{result.stderr}")
    rows = [line.split("\t") for line in log.read_text().splitlines()]
    refused = sum(status != "200" for _start, status, _time in rows)
    if refused or not rows:
        talk(result.stdout)
        raise SystemExit(f"error: of {len(rows)} answers, {refused} were not 200")
    times = [int(microseconds) / 1000 for _start, _status, microseconds in rows]
    at = statistics.quantiles(times, n=100)
    used = ((server.processor_seconds() - before) / elapsed, (children_seconds() - own) / elapsed)
    return len(times) / seconds, (at[49], at[89], at[98]), used


def children_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
