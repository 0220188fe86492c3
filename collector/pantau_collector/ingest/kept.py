"""Records that wait as they came, where a store has made something else of them and hardly asks again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, overload

from pantau_wire import codec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pantau_wire.envelope import Record


class KeptRecords(Sequence["Record"]):
    """All records of a payload of which none was refused; each question decodes them anew."""

    __slots__ = ("_content_type", "_count", "_payload")

    def __init__(self, payload: bytes, content_type: str | None, count: int) -> None:
        """Keep the payload as it is; `count` is how many records it holds."""
        self._payload = payload
        self._content_type = content_type
        self._count = count

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, place: int) -> Record: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Record]: ...
    def __getitem__(self, place: int | slice) -> Record | Sequence[Record]:
        return self._records()[place]

    def __iter__(self) -> Iterator[Record]:
        return iter(self._records())

    def _records(self) -> tuple[Record, ...]:
        return codec.decode_records_again(self._payload, self._content_type)
