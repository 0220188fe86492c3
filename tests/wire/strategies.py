"""Hypothesis strategies read off the structs themselves: a new field is covered the day it is added."""

from __future__ import annotations

import functools
import os
from typing import Any

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from msgspec import inspect

from pantau_wire.codec import EARLIEST_NS, MAX_AHEAD_NS
from pantau_wire.envelope import Header, Record
from pantau_wire.fields import KINDS
from pantau_wire.vocabulary import ONE_LINE

NOW_NS = 1_790_000_000_000_000_000  # 2026-09-21: the server's clock in these tests

_EXAMPLES = int(os.environ.get("PANTAU_FUZZ_EXAMPLES", "0"))
# The same examples on every run, so that a red build is red for everyone; PANTAU_FUZZ_EXAMPLES=100000
# looks for new ones.
thorough = settings(
    max_examples=_EXAMPLES or 120,
    derandomize=not _EXAMPLES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


def of(struct: type) -> st.SearchStrategy[Any]:
    """Values of a struct within the bounds of its annotations; what may be absent sometimes is."""
    return _strategy(inspect.type_info(struct))


def measurements() -> st.SearchStrategy[Any]:
    """Any measurement of any kind."""
    return st.sampled_from(list(KINDS.values())).flatmap(of)


def records() -> st.SearchStrategy[Record]:
    """Records whose time the collector takes at `NOW_NS`."""
    times = st.integers(EARLIEST_NS, NOW_NS + MAX_AHEAD_NS)
    return st.builds(msgspec.structs.replace, of(Record), data=measurements(), time_ns=times)


def headers() -> st.SearchStrategy[Header]:
    """Headers of the version this code speaks."""
    return st.builds(msgspec.structs.replace, of(Header), v=st.just(1))


def _strategy(info: inspect.Type) -> st.SearchStrategy[Any]:
    makers: dict[type, Any] = {
        inspect.NoneType: lambda _: st.none(),
        inspect.BoolType: lambda _: st.booleans(),
        inspect.IntType: _ints,
        inspect.FloatType: lambda info: st.floats(info.ge, info.le),
        inspect.StrType: lambda info: _texts(info.pattern, info.min_length or 0, info.max_length),
        inspect.LiteralType: lambda info: st.sampled_from(info.values),
        inspect.UnionType: lambda info: st.one_of([_strategy(choice) for choice in info.types]),
        inspect.TupleType: lambda info: st.tuples(*map(_strategy, info.item_types)).map(sorted).map(tuple),
        inspect.VarTupleType: lambda info: st.lists(
            _strategy(info.item_type), min_size=info.min_length or 0, max_size=5
        ).map(tuple),
        inspect.StructType: lambda info: _structs(info.cls),
    }
    found: st.SearchStrategy[Any] = makers[type(info)](info)
    return found


def _ints(info: inspect.IntType) -> st.SearchStrategy[int]:
    bounds = [bound for bound in (info.ge, info.le) if bound is not None]
    return st.integers(info.ge, info.le) | st.sampled_from(bounds or [1])


@functools.cache
def _texts(pattern: str | None, shortest: int, longest: int | None) -> st.SearchStrategy[str]:
    fitting = st.from_regex(pattern or ONE_LINE)  # a measurement's names: `one_line` looks at them
    return fitting.filter(lambda text: shortest <= len(text) <= (longest or len(text)))


@functools.cache
def _structs(struct: type) -> st.SearchStrategy[Any]:
    info = inspect.type_info(struct)
    assert isinstance(info, inspect.StructType)
    fields = {field.name: _strategy(field.type) for field in info.fields}
    if {"first_seq", "last_seq"} <= fields.keys():
        return st.fixed_dictionaries(fields).map(lambda values: struct(**_forwards(values)))
    return st.builds(struct, **fields)


def _forwards(values: dict[str, Any]) -> dict[str, Any]:
    first, last = sorted((values["first_seq"], values["last_seq"]))
    return values | {"first_seq": first, "last_seq": last}
