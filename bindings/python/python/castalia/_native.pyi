"""
Types of the native half; written by `make stub`.
"""

from _typeshed import SupportsGetItem
from typing import Final, SupportsFloat, SupportsIndex

__all__ = ["VERSION", "Client", "Open", "Stream", "Subscription", "View", "after_fork", "before_fork", "error_kinds", "forked", "in_callback", "parse_list", "public_value", "read_text", "set_log", "shut", "variable_of", "warn_by_default"]

VERSION: Final[str]

class Client:
    """
    A client. Opens no socket before a namespace is opened.
    """
    def __new__(cls, /, values: dict[str, str], from_env: bool, memory: SupportsGetItem[int, tuple[str, SupportsGetItem[int, tuple[str, str]]]] | None = None) -> Client:
        """
        From settings by property name, optionally on top of those of the environment. One in memory
        has these values by namespace instead of servers.
        """
    def change(self, /, namespace: str, edits: SupportsGetItem[int, tuple[str, str | None]] | None, done: "_Done", replaces: bool = False) -> None:
        """
        Sets several values of a client in memory, where `None` removes a key, or replaces all values
        of a namespace. Without values, loads of the namespace fail until they are set again.
        `done(None, error)` is called on another thread.
        """
    def check_open(self, /) -> None:
        """
        Raises `ClosedError` once it is closed.
        """
    def close(self, /, done: "_Done") -> None:
        """
        Stops the client; `done(None, error)` is called on another thread.
        """
    def open(self, /, app_id: str, namespace: str, done: "_Done", as_text: bool = False) -> None:
        """
        Opens a namespace as values or as one text; `done(opened, error)` is called on another
        thread.
        """
    def report(self, /, name: str) -> str:
        """
        A report of the client as JSON, by its name; see `describe::report`.
        """
    def set_access_key(self, /, app_id: str, secret: str) -> None:
        """
        Signs requests for an app id with another secret from now on.
        """
    def stop(self, /) -> None:
        """
        Like `close`, without waiting.
        """
    def validate(self, /, namespace: str, validator: "Callable[[View], str | None]") -> None:
        """
        Calls `validator(view)` before a release is applied. A text that is not empty, or an
        exception, rejects it.
        """

class Open:
    """
    An open namespace, or one that the first use opens. Objects of Python's classes are created from
    one.
    """
    def __new__(cls, source: "Open | Callable[[], Open]", /) -> "Self":
        """
        From an open namespace, or a function that returns it at the first use.
        """
    def _check_open(self, /) -> None:
        """
        Raises `ClosedError` once it or its client is closed.
        """
    def _content(self, /) -> str | None:
        """
        The namespace as one text; `None` if nothing has been loaded.
        """
    def _follow(self, /, first: "_Call[View]", newer: "_Call[View]") -> Subscription:
        """
        Calls `first(view)` with the current values, and then `newer(view)` on another thread for
        each newer snapshot, until the subscription is cancelled or dropped.
        """
    def _give_up(self, /) -> None:
        """
        Closes the namespace. Reads still return the last values.
        """
    def _identity(self, /) -> "tuple[str, str, str]":
        """
        App id, cluster and namespace.
        """
    def _listen(self, /, callback: "_Call[tuple[Any, ...]]", wanted: tuple[SupportsGetItem[int, str], SupportsGetItem[int, str]]) -> Subscription:
        """
        Calls `callback(event)` for each change of these keys and prefixes, or each change without
        any, on another thread, until the subscription is cancelled or the client is closed, which
        keeps running even if the program has no reference to either. An exception is counted as a
        failure.
        """
    def _load(self, /, done: "_Done") -> None:
        """
        Loads now; `done(None, error)` is called on another thread once reads return the loaded
        values.
        """
    def _note_listener_failure(self, /) -> None:
        """
        Counts a failed listener that was called with events of a stream, unless the namespace is
        closed.
        """
    def _stream(self, /, wanted: tuple[SupportsGetItem[int, str], SupportsGetItem[int, str]]) -> Stream:
        """
        The events from now on, taken one at a time; see `_listen`.
        """
    def _view(self, /) -> View:
        """
        The current values.
        """
    @property
    def last_error(self, /) -> Error | None:
        """
        Error of the last load.
        """
    @property
    def source(self, /) -> str:
        """
        Origin of the values.
        """
    @property
    def state(self, /) -> str:
        """
        Result of the last load.
        """

class Stream:
    """
    Events from now on, taken one at a time. Dropping it ends a wait for the next one.
    """
    def close(self, /) -> None:
        """
        Ends it, and a wait for the next event. Does nothing in a forked child, where it has ended.
        """
    def next(self, /, done: "_Done") -> None:
        """
        The next event; `done(event, error)` is called on another thread. At the end there is none:
        if the stream or the client is closed, also meanwhile, or if this process was forked since
        the stream was created.
        """

class Subscription:
    """
    A registered function.
    """
    def cancel(self, /) -> None:
        """
        Ends it: afterwards no call is running and none will start. In the listener itself it only
        marks the end.
        """
    def end(self, /) -> None:
        """
        Ends it without waiting for a running call.
        """

class View:
    """
    A snapshot, kept as long as Python needs it.
    """
    def malformed(self, /, key: str, text: str) -> "Error":
        """
        The exception for a value that Python found malformed. It is logged and counted once for
        each key.
        """
    def parts(self, /) -> "_Parts":
        """
        The fields of `castalia.Snapshot`, in their order.
        """
    def read(self, /, value_type: "ValueType[_T]", key: str) -> "_T | None":
        """
        Like `Namespace._read`.
        """
    def text(self, /, key: str) -> str | None:
        """
        The value of a key, also of one outside the namespace, such as an environment variable.
        """

def after_fork() -> None:
    """
    Ends what `before_fork` began, in the process that forked.
    """

def before_fork() -> None:
    """
    Waits until no thread of the client is about to enter Python, and lets none enter until
    `after_fork`.
    """

def error_kinds() -> list[tuple[str, int]]:
    """
    Name and code of every kind.
    """

def forked() -> None:
    """
    A forked child has none of the threads that were in callbacks, and its own thread may wait, even
    if a callback forked it. Clients with listeners restart now, all others at the next read.
    """

def in_callback() -> bool:
    """
    Whether this thread runs a callback, which must not call functions that wait.
    """

def parse_list(text: str, delimiter: str, trim: bool) -> list[str]:
    """
    Splits a text at a delimiter, optionally trimming white space, without empty parts at the end.
    """

def public_value(name: str, value: str) -> str | None:
    """
    The value of a setting as another process may see it; `None` if none.
    """

def read_text(value_type: "ValueType[_T]", key: str, text: str, rules: tuple[str, bool, bool]) -> "_T | None":
    """
    The value of a text by type, if its snapshot is no longer available; see `View.read`. The rules
    are those of `View.parts`.
    """

def set_log(logger: "Callable[[str, str, str, dict[str, str]], None] | None", level: str) -> None:
    """
    Calls `logger(level, target, text, fields)` for each record of this level and above; `None` ends
    this.
    """

def shut(timeout: SupportsFloat | SupportsIndex) -> None:
    """
    Closes the gate for good and waits until no callback is running, at most this many seconds.
    """

def variable_of(name: str) -> str:
    """
    The documented environment variable of a setting.
    """

def warn_by_default(logger: "Callable[[str, str, str, dict[str, str]], None]") -> None:
    """
    Calls `logger` for warnings and errors, unless `set_log` was or is called.
    """

# What PyO3 cannot describe; from src/generic.pyi.

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Callable, ClassVar, Generic, TypeVar, overload

from typing_extensions import Self

from castalia._errors import Error

_D = TypeVar("_D")
_T = TypeVar("_T")
_Done = Callable[[Any, BaseException | None], None]
_Call = Callable[[_T], None]

ReadRules = tuple[str, bool, bool]
"""Zone of dates, whether dates are lenient, whether booleans are strict."""

_Parts = tuple[dict[str, str], str, str, str, str, str, int, datetime, ReadRules]

class ValueType(Generic[_T]):
    Int: ClassVar[ValueType[int]]
    Long: ClassVar[ValueType[int]]
    Float: ClassVar[ValueType[float]]
    Bool: ClassVar[ValueType[bool]]
    Duration: ClassVar[ValueType[timedelta]]
    Date: ClassVar[ValueType[datetime]]

class Namespace(Open):
    def __new__(cls, source: Open | Callable[[], Open], /, *rest: object) -> Self: ...
    @overload
    def get(self, key: str, /) -> str | None: ...
    @overload
    def get(self, key: str, default: str, /) -> str: ...
    @overload
    def get(self, key: str, default: _D, /) -> str | _D: ...
    def __getitem__(self, key: str) -> str: ...
    def __contains__(self, key: object) -> bool: ...
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[str]: ...
    def _read(self, value_type: ValueType[_T], key: str) -> _T | None: ...
