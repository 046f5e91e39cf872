"""Registers with py_eureka_client at the server of the first argument; the second one is the
interval of heartbeats in seconds. Answers each line of its input with the apps that it knows and
the number of their instances; deregisters at the end of its input."""

import asyncio
import json
import sys

from py_eureka_client.eureka_client import EurekaClient


def known(client: EurekaClient) -> dict[str, int]:
    return {app.name: len(app.instances) for app in client.applications.applications}


async def main() -> None:
    client = EurekaClient(
        eureka_server=sys.argv[1],
        app_name="py-demo",
        instance_ip="127.0.0.1",
        instance_host="127.0.0.1",
        instance_port=9090,
        renewal_interval_in_secs=int(sys.argv[2]),
        # A busy machine may not run this program for seconds.
        duration_in_secs=90,
    )
    await client.start()
    print("answer started", flush=True)
    while await asyncio.to_thread(sys.stdin.readline):
        print("answer", json.dumps(known(client)), flush=True)
    await client.stop()
    print("answer stopped", flush=True)


asyncio.run(main())
