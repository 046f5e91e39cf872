"""From a publish to the listener in Python: the median of many rounds, each of which begins with a parked poll. Prints nanoseconds."""

import queue
import statistics
import sys
import time

import castalia

ROUNDS = 300


def order(words: str) -> None:
    """Has an order carried out."""
    print(words, flush=True)
    assert sys.stdin.readline().startswith("ok")


order("publish application n 0")
settings = castalia.Settings.from_env()
settings.set("apollo.loadConfigQPS", "100000")
settings.set("apollo.longPollQPS", "100000")
told: queue.SimpleQueue[int] = queue.SimpleQueue()
times = []
with castalia.Client(settings) as client:
    config = client.config("application")
    config.on_change(lambda event: told.put(time.perf_counter_ns()))
    for n in range(1, ROUNDS + 1):
        order("held 1")
        begun = time.perf_counter_ns()
        order(f"publish application n {n}")
        times.append(told.get(timeout=20) - begun)
print(f"python-notify {statistics.median(times):.0f}", file=sys.stderr)
