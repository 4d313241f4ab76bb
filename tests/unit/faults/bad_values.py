"""Encodings that no decoder may take: truncated, lying about sizes and counts, endless, or no text."""

from __future__ import annotations

from typing import Callable, Dict

__all__ = ["BAD_VALUES", "composite", "list_of", "map_of", "nested"]


def list_of(*values: str, count: int = -1) -> str:
    """A list32 of values in hexadecimal."""
    data = "".join(values).replace(" ", "")
    return f"d0{len(data) // 2 + 4:08x}{len(values) if count < 0 else count:08x}{data}"


def map_of(*values: str) -> str:
    """A map32 of keys and values in hexadecimal."""
    return "d1" + list_of(*values)[2:]


def composite(descriptor: int, *fields: str) -> str:
    """A described list."""
    return f"0053{descriptor:02x}" + list_of(*fields)


def nested(wrap: Callable[[str], str], depth: int) -> str:
    """A null, wrapped so many times."""
    value = "40"
    for _ in range(depth):
        value = wrap(value)
    return value


def _array(value: str) -> str:
    # An array of one, whose constructor is the first byte of the value.
    return f"f0{len(value) // 2 + 4:08x}00000001{value}"


#: Values that are none, in hexadecimal.  Those nested deeply fit into a frame of 32 KiB.
BAD_VALUES: Dict[str, str] = {
    "nothing": "",
    "unknown constructor": "13",
    "truncated number": "70 0000",
    "truncated string": "a1 40 6162",
    "truncated long string": "b1 7fffffff 6162",
    "string of four gigabytes": "b1 ffffffff 6162",
    "invalid UTF-8": "a1 04 ff80c0f5",
    "overlong UTF-8": "a1 02 c0af",
    "a surrogate": "a1 03 eda080",
    "a symbol that is not ASCII": "a3 02 c3bc",
    "a character beyond Unicode": "73 00110000",
    "a boolean of two": "56 02",
    "a list larger than the bytes": "d0 7fffffff 00000001 40",
    "a list smaller than itself": "d0 00000001 00000001 40",
    "more elements than bytes": "d0 00000005 7fffffff 40",
    "fewer elements than bytes": "c0 05 01 40404040",
    "an odd map": "c1 04 03 404040",
    "a map with a map for a key": "c1 05 02 c10100 40",
    "lists thousands deep": nested(list_of, 3000),
    "maps thousands deep": nested(lambda value: map_of("40", value), 2800),
    "arrays thousands deep": nested(_array, 3000),
    "described thousands deep": nested(lambda value: "005301" + value, 9000),
    "descriptors thousands deep": nested(lambda value: "00" + value + "40", 14000),
    "four billion nulls": "f0 00000005 ffffffff 40",
    "four billion trues": "f0 00000005 ffffffff 41",
    "four billion zeros": "f0 00000005 ffffffff 43",
    "four billion empty lists": "f0 00000005 ffffffff 45",
    "four billion described nulls": "f0 00000008 ffffffff 005301 40",
    "four billion bytes": "f0 00000006 ffffffff 50 00",
    "four billion empty strings": "f0 00000006 ffffffff a1 00",
    "nulls by the billion in an array of arrays": "f0 0000000e 00000001 f0 00000005 ffffffff 40",
    "an array of nothing known": "f0 00000006 00000001 01 00",
    "an array cut short": "e0 06 02 a3 09 504c41",
    "an array without a constructor": "e0 01 00",
}
