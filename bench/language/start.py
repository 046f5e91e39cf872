"""What a program pays for castalia once: its import, and a client with its first namespace. Prints nanoseconds."""

import sys
import time

print("publish application n 0", flush=True)
sys.stdin.readline()
begun = time.perf_counter_ns()
import castalia

loaded = time.perf_counter_ns()
with castalia.Client() as client:
    client.config("application")
    opened = time.perf_counter_ns()
print(f"python-import {loaded - begun}\npython-start {opened - loaded}", file=sys.stderr)
