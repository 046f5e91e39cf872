"""One read in Python: of a plain dictionary, by `get` and by index of a config. Prints nanoseconds."""

import statistics
import sys
import time

import castalia

KEYS, READS, ROUNDS = 1000, 200_000, 9


def order(words: str) -> None:
    """Has an order carried out."""
    print(words, flush=True)
    assert sys.stdin.readline().startswith("ok")


def report(name: str, read: object, keys: list[str]) -> None:
    """Times a read, less what the loop itself takes."""
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter_ns()
        for key in keys:
            read(key)
        read_time = time.perf_counter_ns() - start
        times.append(read_time / len(keys))
    print(f"{name} {statistics.median(times):.1f}", file=sys.stderr)


names = [f"some.longer.key.{n}" for n in range(KEYS)]
order("publish application " + " ".join(f"{name} {name}" for name in names))
shuffled = [names[(i * 617) % KEYS] for i in range(READS)]
with castalia.Client() as client:
    config = client.config("application")
    report("python-dict-get", dict(config).get, shuffled)
    report("python-get", config.get, shuffled)
    report("python-index", config.__getitem__, shuffled)
