"""Handing things of one kind over to the I/O thread, many at a time."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Callable, Deque, Generic, TypeVar

from ..reactor.call_queue import InternalCall

if TYPE_CHECKING:
    from ..reactor import Container

__all__ = ["Inlet", "Operation"]

T = TypeVar("T")


class Operation(InternalCall):
    """A function to be called on the I/O thread.

    :param refused: called with the exception if the function raises one, or if the container has ended before.
    """

    __slots__ = ("_refused",)

    def __init__(self, refused: Callable[[BaseException], None], function: Callable[..., Any], args: Any) -> None:
        super().__init__(function, args)
        self._refused = refused

    def run(self) -> None:
        """Call the function."""
        try:
            self._function(*self._args)
        except BaseException as error:
            self._refused(error)

    def fail(self, error: BaseException) -> None:
        """The container has ended."""
        self._refused(error)


class Inlet(InternalCall, Generic[T]):
    """What any thread puts in, the I/O thread takes, in order.

    However many things are put in before it comes to take them, they cost one call in the container's queue, and one
    wake-up.

    :param container: the container.
    :param take: called with each thing on the I/O thread.
    :param refuse: called with each thing, and the reason, if the container has ended; on any thread.
    """

    __slots__ = ("_container", "_take", "_refuse", "_items", "_called")

    def __init__(
        self, container: "Container", take: Callable[[T], None], refuse: Callable[[T, BaseException], None]
    ) -> None:
        self._container = container
        self._take = take
        self._refuse = refuse
        self._items: Deque[T] = deque()
        self._called = False

    def put(self, item: T) -> None:
        """Hand something over.  From any thread, and it does not wait."""
        self._items.append(item)
        # Whoever finds this set put his thing in before it was unset, and so before the I/O thread looks.
        if not self._called:
            self._called = True
            self._container._calls.put(self)

    def __len__(self) -> int:
        return len(self._items)

    def run(self) -> None:
        """Take what is there."""
        self._called = False
        items, take = self._items, self._take
        # What comes meanwhile has another call coming.
        for _ in range(len(items)):
            try:
                item = items.popleft()
            except IndexError:
                return  # several calls came, because several threads put something in at once
            take(item)

    def fail(self, error: BaseException) -> None:
        """The container has ended."""
        self._called = False
        while True:
            try:
                item = self._items.popleft()
            except IndexError:
                return
            self._refuse(item, error)
