"""Waiting for calls of the native half."""

from __future__ import annotations

import time
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any, Callable, Optional

from castalia import _native
from castalia._errors import ClosedError, InvalidArgumentError, TimeoutError

Start = Callable[[Callable[[Any, Optional[BaseException]], None]], None]
"""Starts a call; it takes the function that is called with its value or its error."""

_SLICE = 0.1
"""Seconds: how long a wait may keep Ctrl-C waiting."""


def begin(start: Start) -> Future[Any]:
    """Starts a call; the future receives its result."""
    future: Future[Any] = Future()

    def done(value: Any, error: BaseException | None) -> None:
        if not future.set_running_or_notify_cancel():
            return
        if error is None:
            future.set_result(value)
        else:
            future.set_exception(error)

    start(done)
    return future


def unless_ending(start: Start) -> Start:
    """A call that has no value at once, instead of an error, if the interpreter is ending."""

    def start_or_end(done: Callable[[Any, BaseException | None], None]) -> None:
        try:
            start(done)
        except ClosedError:
            done(None, None)

    return start_or_end


def wait(start: Start, timeout: float | None) -> Any:
    """Waits for a call on this thread. Other threads continue, and Ctrl-C ends the wait."""
    if _native.in_callback():
        text = "a call that waits is not allowed in a listener; make it on another thread"
        raise InvalidArgumentError(text, "wait")
    return result_of(begin(start), timeout)


def result_of(future: Future[Any], timeout: float | None = None) -> Any:
    """The result of a call that was started."""
    end = None if timeout is None else time.monotonic() + timeout
    while True:
        left = _SLICE if end is None else min(_SLICE, end - time.monotonic())
        try:
            return future.result(max(left, 0))
        except FutureTimeoutError as error:
            if future.done():
                # It ended just now, or this is its own error.
                return future.result()
            if end is not None and time.monotonic() >= end:
                raise TimeoutError(f"not finished within {timeout} s", "wait") from error
