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
