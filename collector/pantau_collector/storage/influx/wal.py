"""Takes torn entries out of an InfluxDB 1.x's write-ahead log, before the server is started again.

A power cut or a full disk may leave half an entry at the end of a segment. InfluxDB 1.6.7 cuts it off when
it starts, but goes on writing behind the place where it ended: between lies a hole, at which the next start
stops reading. All that the server took and acknowledged in between is then lost. So whoever starts the server
takes out first what is no entry; what stands behind it stays.

A segment is a row of entries: a byte of type (1 to 3), four of length (big endian), a snappy block (InfluxDB,
`tsdb/engine/tsm1/wal.go`; snappy's `format_description.txt`).
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from pantau_collector.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

_TYPES = (1, 2, 3)
_HEADER_BYTES = 5
_LONG_LITERAL = 60  # from here on the tag says how many bytes tell the length


def mend(folder: Path) -> dict[Path, int]:
    """Take torn entries out of all segments below a folder; return how many bytes, by file.

    Raises `StoreError` where a server uses the files, or they cannot be written.
    """
    try:
        segments = sorted(folder.rglob("_*.wal"))
        if used := _in_use(segments):
            raise StoreError(f"{used} is in use: stop influxd first")
        return {path: torn for path in segments if (torn := _mend_segment(path))}
    except OSError as error:
        raise StoreError(f"cannot mend {error.filename}: {error.strerror}") from error


def _mend_segment(path: Path) -> int:
    data = path.read_bytes()
    whole = [data[start:end] for start, end in _entries(memoryview(data))]
    torn_bytes = len(data) - sum(map(len, whole))
    if torn_bytes:
        new = path.with_suffix(".mended")
        with new.open("wb") as file:
            file.writelines(whole)
            file.flush()
            os.fsync(file.fileno())
        shutil.copystat(path, new)
        owner = path.stat()
        os.chown(new, owner.st_uid, owner.st_gid)
        new.replace(path)
    return torn_bytes


def _entries(data: memoryview) -> Iterator[tuple[int, int]]:
    """Yield where whole entries begin and end; what lies between is passed over."""
    at = 0
    while at + _HEADER_BYTES <= len(data):
        end = at + _HEADER_BYTES + int.from_bytes(data[at + 1 : at + _HEADER_BYTES], "big")
        if data[at] in _TYPES and end <= len(data) and _is_snappy(data[at + _HEADER_BYTES : end]):
            yield at, end
            at = end
        else:
            at += 1


def _is_snappy(block: memoryview) -> bool:
    """Tell whether a block is whole: its parts make as many bytes as it announces."""
    announced, at = _length(block)
    made = 0
    while at < len(block):
        size, made_now = _part(block, at)
        at += size
        made += made_now
    return at == len(block) > 0 and made == announced


def _length(block: memoryview) -> tuple[int, int]:
    """Return the announced length, seven bits a byte, and where it ends."""
    value = 0
    for at, byte in enumerate(block[:5]):
        value |= (byte & 0x7F) << (7 * at)
        if byte < 0x80:  # noqa: PLR2004 - the bit that says that more follow
            return value, at + 1
    return -1, len(block)


def _part(block: memoryview, at: int) -> tuple[int, int]:
    """Return how many bytes a part takes, and how many it makes: a literal, or a copy of what came before."""
    tag, value = block[at] & 3, block[at] >> 2
    if tag == 0:
        extra = max(0, value - _LONG_LITERAL + 1)
        length = 1 + (int.from_bytes(block[at + 1 : at + 1 + extra], "little") if extra else value)
        return 1 + extra + length, length
    if tag == 1:
        return 2, 4 + (value & 7)
    return (3 if tag == 2 else 5), 1 + value  # noqa: PLR2004 - copies with two and four bytes of offset


def _in_use(segments: list[Path]) -> Path | None:
    """Return a segment that a process has open, as far as we may see; None where there is none."""
    wanted = {str(path.resolve()): path for path in segments}
    for link in Path("/proc").glob("[0-9]*/fd/*") if wanted else ():
        try:
            found = wanted.get(str(link.readlink()))
        except OSError:  # ended meanwhile, or another user's
            continue
        if found is not None:
            return found
    return None
