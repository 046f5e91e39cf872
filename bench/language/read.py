"""One read in Python: of a plain dictionary, by `get` and by index of a config. Prints nanoseconds."""

import statistics
import sys
import time

import castalia

KEYS, READS, ROUNDS = 1000, 200_000, 15


def order(words: str) -> None:
    """Has an order carried out."""
    print(words, flush=True)
    assert sys.stdin.readline().startswith("ok")


def timed(read: object, keys: list[str]) -> float:
    """What one read takes, with its share of the loop."""
    begun = time.perf_counter_ns()
    for key in keys:
        read(key)
    return (time.perf_counter_ns() - begun) / len(keys)


names = [f"some.longer.key.{n}" for n in range(KEYS)]
order("publish application " + " ".join(f"{name} {name}" for name in names))
shuffled = [names[(i * 617) % KEYS] for i in range(READS)]
with castalia.Client() as client:
    config = client.config("application")
    reads = {"dict-get": dict(config).get, "get": config.get, "index": config.__getitem__}
    # In turn, so that what else the machine does falls on all of them.
    rounds = [{name: timed(read, shuffled) for name, read in reads.items()} for _ in range(ROUNDS)]
for name in reads:
    print(f"python-{name} {statistics.median(each[name] for each in rounds):.1f}", file=sys.stderr)
