"""Bytes that come piece by piece and are put together once."""

from __future__ import annotations

from collections import deque
from typing import Deque, Tuple, Union

__all__ = ["Pieces"]

#: Pieces shorter than this are joined as they come: an object for each would take more memory than the bytes.
_SMALL = 4096


class Pieces:
    """A queue of bytes: pieces are added at its end, and as many bytes as are wanted are taken from its beginning.

    Each byte is moved when it is taken, and before that only if it came in a small piece.

    :ivar size: how many bytes there are.
    :ivar total: how many there have been, with those taken.
    """

    __slots__ = ("size", "total", "_pieces", "_skip")

    def __init__(self, first: bytes = b"") -> None:
        self.size = self.total = len(first)
        self._pieces: Deque[Union[bytes, bytearray]] = deque()
        # How much of the first piece is taken already.
        self._skip = 0
        if first:
            self._pieces.append(first)

    def __len__(self) -> int:
        return self.size

    def append(self, data: Union[bytes, bytearray, memoryview]) -> None:
        """Add bytes; ``bytes`` that are not few are kept as they are."""
        size = len(data)
        self.size += size
        self.total += size
        if size >= _SMALL:
            self._pieces.append(bytes(data))
            return
        last = self._pieces[-1] if self._pieces else b""
        if isinstance(last, bytearray) and len(last) < _SMALL:
            last += data
        elif size:
            self._pieces.append(bytearray(data))

    def peek(self, size: int) -> bytes:
        """A copy of the first bytes: up to ``size`` of them, and of the first piece only."""
        return bytes(self._pieces[0][self._skip:self._skip + size]) if self._pieces else b""

    def take(self, size: int) -> bytes:
        """Take the first bytes, up to ``size`` of them."""
        if size >= self.size:
            return self.take_all()
        pieces = self._pieces
        self.size -= size
        parts = []
        while size:
            piece = pieces[0]
            skip = self._skip
            if len(piece) - skip > size:
                self._skip += size
                parts.append(piece[skip:self._skip])
                break
            size -= len(piece) - skip
            parts.append(piece[skip:] if skip else piece)
            pieces.popleft()
            self._skip = 0
        return bytes(parts[0]) if len(parts) == 1 else b"".join(parts)

    def take_piece(self) -> Tuple[bytes, int]:
        """Take the first piece as it is: its bytes, and the place from which on they had not been taken yet."""
        piece = self._pieces.popleft()
        skip = self._skip
        self._skip = 0
        self.size -= len(piece) - skip
        return bytes(piece), skip

    def take_all(self) -> bytes:
        """Take all bytes."""
        pieces = self._pieces
        if self._skip:
            pieces[0] = pieces[0][self._skip:]
            self._skip = 0
        whole = bytes(pieces[0]) if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        self.size = 0
        return whole
