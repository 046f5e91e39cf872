"""Reads a value, waits for one change, prints both.

Settings come from the environment: `APP_ID`, `APOLLO_META`, ...
"""

import castalia

with castalia.Client() as client:
    config = client.config("application")
    changes = config.changes()

    print(f"greeting = {config.get('greeting', 'not set')} (from {config.source})", flush=True)

    for key, change in next(changes).changes.items():
        print(f"{change.change_type} {key}: {change.old_value} -> {change.new_value}")
