"""Opens its client in the event loop of each worker, and closes it there."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import castalia
from fastapi import FastAPI

heard: list[str] = []


async def follow(config: castalia.AsyncConfig) -> None:
    """Ends with the client."""
    async for event in config.changes(keys=["greeting"]):
        heard.append(event.changes["greeting"].new_value or "")


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """From the first to the last request."""
    async with castalia.AsyncClient() as client:
        app.state.config = await client.config("application")
        following = asyncio.create_task(follow(app.state.config))
        yield
    await following


app = FastAPI(lifespan=lifespan)


@app.get("/")
async def read() -> dict[str, Any]:
    """Busy for a moment, so that another worker takes the next request."""
    time.sleep(0.05)
    return {"worker": os.getpid(), "greeting": app.state.config["greeting"], "heard": heard}
