"""The message (specification part 3, section 3.2)."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Optional, Union
from uuid import UUID

from typing_extensions import Protocol

from syncproton.codec.containers import AnnotationDict
from syncproton.codec.pieces import Pieces
from syncproton.codec.types import symbol, ubyte, uint
from syncproton.errors import DataException, MessageException
from syncproton.message.body import Cut, is_data, is_sequence, join, split
from syncproton.message.conversions import (
    NO_SYMBOL, annotation_dict, instant, integer, message_id, milliseconds, optional_symbol, symbol_or_stand_in, text,
)
from syncproton.message.fields import DEFAULT_PRIORITY, Fields
from syncproton.message.sections import LARGE, decode_large, decode_sections, encode_sections

__all__ = ["Message"]

_SND_SETTLED = 1  # Link.SND_SETTLED

# Places in the header section ...
_DURABLE, _PRIORITY, _TTL, _FIRST_ACQUIRER, _DELIVERY_COUNT = range(5)
# ... and in the properties section.
(_ID, _USER_ID, _TO, _SUBJECT, _REPLY_TO, _CORRELATION_ID, _CONTENT_TYPE, _CONTENT_ENCODING, _EXPIRY_TIME,
 _CREATION_TIME, _GROUP_ID, _GROUP_SEQUENCE, _REPLY_TO_GROUP_ID) = range(13)


_NO_MORE_FIELDS: Fields = [None] * 12


class _SendingLink(Protocol):
    """What :meth:`Message.send` needs of a sender."""

    @property
    def snd_settle_mode(self) -> int: ...

    def delivery_tag(self) -> Union[str, bytes]: ...

    def delivery(self, tag: Any) -> Any: ...

    def stream(self, data: bytes) -> int: ...

    def advance(self) -> bool: ...


class Message:
    """A message: a body, and what is said about it.

    Attributes that are not set read as their defaults.  A message keeps no reference to a connection; it may be made,
    encoded and decoded on any thread, by one thread at a time.

    The body is any value that has an AMQP encoding.  By default it is sent as one amqp-value.  With :attr:`inferred`
    set, ``bytes`` are sent as a data section and a list or tuple as an amqp-sequence section, which is what other
    clients call a bytes message and expect from one.  A body of several data or several sequence sections reads as
    one, their concatenation; :attr:`body_sections` has them one by one.  ``None`` is sent as no body at all.

    :param body: the body.
    :param kwargs: any attribute of a message, by name.
    :raises TypeError: for a keyword that is no attribute of a message.

    :ivar body: the body.
    :ivar properties: the application properties, a ``dict`` with ``str`` keys, or ``None``.
    """

    DEFAULT_PRIORITY = DEFAULT_PRIORITY
    """Messages have this priority unless they are given another."""

    # A program may set attributes of its own on a message, as on proton's: hence __dict__, which costs nothing unused.
    __slots__ = (
        "__dict__", "__weakref__", "_annotations", "_cut", "_fields", "_footer", "_header", "_inferred",
        "_instructions", "body", "properties",
    )

    body: Any
    properties: Optional[Dict[str, Any]]
    _inferred: bool
    _cut: Optional[Cut]  # how the body was divided, if that needs saying
    _header: Optional[Fields]
    _fields: Optional[Fields]
    # Decoded annotations are a plain dict until somebody looks at them.
    _instructions: Optional[Dict[Any, Any]]
    _annotations: Optional[Dict[Any, Any]]
    _footer: Optional[Dict[Any, Any]]

    def __init__(self, body: Any = None, **kwargs: Any) -> None:
        self.body = body
        self.properties = self._cut = self._header = self._fields = None
        self._instructions = self._annotations = self._footer = None
        self._inferred = False
        if kwargs:
            for name, value in kwargs.items():
                if name not in _SETTABLE:
                    raise TypeError(f"Message() got an unexpected keyword argument {name!r}")
                setattr(self, name, value)

    def clear(self) -> None:
        """Make the message like a new one: no body, and every attribute at its default."""
        self.body = self.properties = None
        self._inferred = False
        self._cut = self._header = self._fields = self._instructions = self._annotations = self._footer = None

    def encode(self) -> bytes:
        """Encode the message.  It always begins with its header and has a properties section, be they empty.

        :raises MessageException: if something in it has no AMQP encoding, or a key of :attr:`properties` is no string.
        """
        try:
            return encode_sections(self)
        except (DataException, UnicodeEncodeError) as error:
            raise MessageException(f"cannot encode the message: {error}") from error
        except RecursionError:
            raise MessageException("cannot encode the message: it is nested too deeply, or contains itself") from None

    def decode(self, data: Union[bytes, bytearray, memoryview]) -> None:
        """Replace the contents of the message with those of an encoded one.

        Any section may be missing.  If the bytes are not a message, this one is as after :meth:`clear`.

        :raises MessageException: if the bytes are cut short, followed by others, or otherwise not a valid message.
        """
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"a bytes-like object is required, not {type(data).__name__}")
        try:
            decode_sections(self, data if type(data) is bytes else bytes(data))
        except DataException as error:
            raise self._undecodable(error) from error

    def _undecodable(self, error: DataException) -> MessageException:
        self.clear()
        return MessageException(f"cannot decode the message: {error}")

    def send(self, sender: _SendingLink, tag: Union[bytes, str, None] = None) -> Any:
        """Encode the message and send it on a link, as one delivery.

        :param tag: the delivery tag, by default the sender's next.
        :returns: the delivery, already settled if the link sends settled only.
        :raises MessageException: if the message cannot be encoded; nothing is sent then.
        :raises TypeError: if that is no sender.
        """
        whole = getattr(sender, "_send_whole", None)  # the engine's short cut
        if whole is not None:
            encoded = self.encode()
            return whole(encoded, tag or sender.delivery_tag())
        if not hasattr(sender, "stream"):
            raise TypeError(f"a Sender is wanted, not {sender!r}")
        encoded = self.encode()
        delivery = sender.delivery(tag or sender.delivery_tag())
        sender.stream(encoded)
        sender.advance()
        if sender.snd_settle_mode == _SND_SETTLED:
            delivery.settle()
        return delivery

    def recv(self, link: Any) -> Any:
        """Receive the message of a receiver's current delivery, and advance to the next.

        A delivery of a link that sends settled only is settled here.

        :returns: the delivery, or ``None`` if ``link`` is a sender or its delivery is not complete yet.
        :raises MessageException: if what was received is not a valid message; the link has then advanced all the same.
        :raises TypeError: if that is no link.
        """
        whole = getattr(link, "_take_whole", None)  # the engine's short cut
        if whole is not None:
            taken = whole()
            if taken is None:
                return None
            delivery, encoded = taken
            if encoded.__class__ is Pieces:
                if encoded.size >= LARGE and decode_large(self, encoded):
                    return delivery
                encoded = encoded.take_all()
            try:
                decode_sections(self, encoded)
            except DataException as error:
                raise self._undecodable(error) from error
            return delivery
        if not hasattr(link, "is_sender"):
            raise TypeError(f"a link is wanted, not {link!r}")
        if link.is_sender:
            return None
        delivery = link.current
        if not delivery or delivery.partial:
            return None
        encoded = link.recv(delivery.pending)
        link.advance()
        if link.remote_snd_settle_mode == _SND_SETTLED:
            delivery.settle()
        self.decode(encoded or b"")
        return delivery

    # --- body ---

    @property
    def inferred(self) -> bool:
        """Whether the kind of body section follows from the body's type, see above.  Default ``False``."""
        return self._inferred

    @inferred.setter
    def inferred(self, value: bool) -> None:
        self._inferred = bool(value)

    @property
    def body_sections(self) -> List[Any]:
        """The data or sequence sections of the body: a list of ``bytes`` or a list of lists.

        It is empty unless :attr:`inferred` is set and the body is bytes, or a list or tuple.  Setting it sets the body
        to the concatenation, and :attr:`inferred`.  Setting :attr:`body` makes it one section again, and so does
        changing the length of a list in place.

        :raises TypeError: unless it is set to all bytes or to all lists.
        """
        if self._inferred and (is_data(self.body) or is_sequence(self.body)):
            return split(self.body, self._cut)
        return []

    @body_sections.setter
    def body_sections(self, sections: Iterable[Any]) -> None:
        sections = list(sections)
        if sections:
            self.body, self._cut = join(sections)
            self._inferred = True
        else:
            self.body = self._cut = None

    # --- header ---

    def _set_header(self, index: int, value: Any) -> None:
        if self._header is None:
            self._header = [None] * 5
        self._header[index] = value

    @property
    def durable(self) -> bool:
        """Whether whoever takes responsibility for the message must keep it safely.  Default ``False``."""
        header = self._header
        return header is not None and header[_DURABLE] is not None

    @durable.setter
    def durable(self, value: bool) -> None:
        self._set_header(_DURABLE, True if value else None)

    @property
    def priority(self) -> int:
        """0 to 255, more is more urgent.  Default 4.

        :raises OverflowError: if set to another number.
        """
        header = self._header
        return DEFAULT_PRIORITY if header is None or header[_PRIORITY] is None else int(header[_PRIORITY])

    @priority.setter
    def priority(self, value: int) -> None:
        number = integer(value, 0xFF)
        self._set_header(_PRIORITY, None if number == DEFAULT_PRIORITY else ubyte(number))

    @property
    def ttl(self) -> float:
        """How long the message is of use, in seconds, cut to whole milliseconds.  Default 0: for ever.

        :raises OverflowError: if set to a negative number, or one over 4294967.295.
        """
        header = self._header
        return 0.0 if header is None else (header[_TTL] or 0) / 1000.0

    @ttl.setter
    def ttl(self, value: float) -> None:
        number = integer(milliseconds(value), 0xFFFFFFFF)
        self._set_header(_TTL, uint(number) if number else None)

    @property
    def first_acquirer(self) -> bool:
        """Whether nobody else has acquired the message before.  Default ``False``."""
        header = self._header
        return header is not None and header[_FIRST_ACQUIRER] is not None

    @first_acquirer.setter
    def first_acquirer(self, value: bool) -> None:
        self._set_header(_FIRST_ACQUIRER, True if value else None)

    @property
    def delivery_count(self) -> int:
        """How many times delivering the message has failed before.  Default 0.

        :raises OverflowError: if set to a negative number, or one over 4294967295.
        """
        header = self._header
        return 0 if header is None else int(header[_DELIVERY_COUNT] or 0)

    @delivery_count.setter
    def delivery_count(self, value: int) -> None:
        number = integer(value, 0xFFFFFFFF)
        self._set_header(_DELIVERY_COUNT, uint(number) if number else None)

    # --- properties section ---

    def _set_field(self, index: int, value: Any) -> None:
        if self._fields is None:
            self._fields = [None] * 13
        self._fields[index] = value

    @property
    def id(self) -> Union[str, bytes, int, UUID, None]:
        """What identifies the message: a string, binary, uuid or unsigned 64-bit number.

        :raises OverflowError: if set to a negative number, or one over 2**64 - 1.
        :raises TypeError: if set to anything else.
        """
        return None if self._fields is None else self._fields[_ID]

    @id.setter
    def id(self, value: Union[str, bytes, int, UUID, None]) -> None:
        # What ids mostly are needs no looking into.
        if type(value) is not str and not (type(value) is int and 0 <= value <= 0xFFFFFFFF):
            value = message_id(value)
        if self._fields is None:
            self._fields = [value] + _NO_MORE_FIELDS
        else:
            self._fields[_ID] = value

    @property
    def user_id(self) -> bytes:
        """Who made the message, as the sender says.  A string is encoded as UTF-8 when set.  Default ``b""``."""
        return b"" if self._fields is None else self._fields[_USER_ID] or b""

    @user_id.setter
    def user_id(self, value: Union[bytes, str]) -> None:
        if isinstance(value, str):
            value = value.encode()
        elif not isinstance(value, (bytes, bytearray, memoryview)):
            raise TypeError(f"user_id is bytes, not {type(value).__name__}")
        self._set_field(_USER_ID, bytes(value))

    @property
    def address(self) -> Optional[str]:
        """The node the message is for (the field ``to``)."""
        return None if self._fields is None else self._fields[_TO]

    @address.setter
    def address(self, value: Optional[str]) -> None:
        self._set_field(_TO, text(value))

    @property
    def subject(self) -> Optional[str]:
        """What the message is about."""
        return None if self._fields is None else self._fields[_SUBJECT]

    @subject.setter
    def subject(self, value: Optional[str]) -> None:
        self._set_field(_SUBJECT, text(value))

    @property
    def reply_to(self) -> Optional[str]:
        """The node to send replies to."""
        return None if self._fields is None else self._fields[_REPLY_TO]

    @reply_to.setter
    def reply_to(self, value: Optional[str]) -> None:
        self._set_field(_REPLY_TO, text(value))

    @property
    def correlation_id(self) -> Union[str, bytes, int, UUID, None]:
        """The message that this one answers; the types are those of :attr:`id`."""
        return None if self._fields is None else self._fields[_CORRELATION_ID]

    @correlation_id.setter
    def correlation_id(self, value: Union[str, bytes, int, UUID, None]) -> None:
        self._set_field(_CORRELATION_ID, message_id(value))

    @property
    def content_type(self) -> symbol:
        """The MIME type of a body of data sections.  Reads ``symbol("None")`` when not set, as in proton."""
        return NO_SYMBOL if self._fields is None else symbol_or_stand_in(self._fields[_CONTENT_TYPE])

    @content_type.setter
    def content_type(self, value: Optional[str]) -> None:
        self._set_field(_CONTENT_TYPE, optional_symbol(value))

    @property
    def content_encoding(self) -> symbol:
        """The MIME encoding of a body of data sections.  Reads ``symbol("None")`` when not set, as in proton."""
        return NO_SYMBOL if self._fields is None else symbol_or_stand_in(self._fields[_CONTENT_ENCODING])

    @content_encoding.setter
    def content_encoding(self, value: Optional[str]) -> None:
        self._set_field(_CONTENT_ENCODING, optional_symbol(value))

    @property
    def expiry_time(self) -> float:
        """When the message is of no more use: seconds since the epoch, cut to milliseconds.  Default 0: never."""
        return 0.0 if self._fields is None else (self._fields[_EXPIRY_TIME] or 0) / 1000.0

    @expiry_time.setter
    def expiry_time(self, value: float) -> None:
        self._set_field(_EXPIRY_TIME, instant(value))

    @property
    def creation_time(self) -> float:
        """When the message was made: seconds since the epoch, cut to milliseconds.  Default 0: not known."""
        return 0.0 if self._fields is None else (self._fields[_CREATION_TIME] or 0) / 1000.0

    @creation_time.setter
    def creation_time(self, value: float) -> None:
        self._set_field(_CREATION_TIME, instant(value))

    @property
    def group_id(self) -> Optional[str]:
        """The group the message belongs to."""
        return None if self._fields is None else self._fields[_GROUP_ID]

    @group_id.setter
    def group_id(self, value: Optional[str]) -> None:
        self._set_field(_GROUP_ID, text(value))

    @property
    def group_sequence(self) -> int:
        """The place of the message in its group.  Default 0.

        :raises OverflowError: if set to a negative number, or one over 4294967295.
        """
        return 0 if self._fields is None else int(self._fields[_GROUP_SEQUENCE] or 0)

    @group_sequence.setter
    def group_sequence(self, value: int) -> None:
        number = integer(value, 0xFFFFFFFF)
        self._set_field(_GROUP_SEQUENCE, uint(number) if number else None)

    @property
    def reply_to_group_id(self) -> Optional[str]:
        """The group that replies are to belong to."""
        return None if self._fields is None else self._fields[_REPLY_TO_GROUP_ID]

    @reply_to_group_id.setter
    def reply_to_group_id(self, value: Optional[str]) -> None:
        self._set_field(_REPLY_TO_GROUP_ID, text(value))

    # --- annotations and footer ---

    @property
    def instructions(self) -> Optional[Dict[Any, Any]]:
        """The delivery annotations, for the next hop only: an :class:`AnnotationDict`, or ``None``.

        A ``dict`` that this is set to is copied.
        """
        if type(self._instructions) is dict:
            self._instructions = AnnotationDict(self._instructions, raise_on_error=False)
        return self._instructions

    @instructions.setter
    def instructions(self, value: Optional[Dict[Any, Any]]) -> None:
        self._instructions = annotation_dict(value)

    @property
    def annotations(self) -> Optional[Dict[Any, Any]]:
        """The message annotations: an :class:`AnnotationDict`, or ``None``.

        A ``dict`` that this is set to is copied.
        """
        if type(self._annotations) is dict:
            self._annotations = AnnotationDict(self._annotations, raise_on_error=False)
        return self._annotations

    @annotations.setter
    def annotations(self, value: Optional[Dict[Any, Any]]) -> None:
        self._annotations = annotation_dict(value)

    @property
    def footer(self) -> Optional[Dict[Any, Any]]:
        """What can be said only after the body, such as a hash of it: an :class:`AnnotationDict`, or ``None``.

        A ``dict`` that this is set to is copied.
        """
        if type(self._footer) is dict:
            self._footer = AnnotationDict(self._footer, raise_on_error=False)
        return self._footer

    @footer.setter
    def footer(self, value: Optional[Dict[Any, Any]]) -> None:
        self._footer = annotation_dict(value)

    def __copy__(self) -> Message:
        twin = type(self).__new__(type(self))
        for name in _STATE:
            setattr(twin, name, getattr(self, name))
        twin.__dict__.update(self.__dict__)
        # These are the insides of the message, not something a program holds: each message has its own.
        twin._header = self._header and list(self._header)
        twin._fields = self._fields and list(self._fields)
        return twin

    def __repr__(self) -> str:
        shown = []
        for name in _SHOWN:
            value = getattr(self, name)
            if value:
                shown.append(f"{name}={value!r}")
        return f"Message({', '.join(shown)})"


_SETTABLE = frozenset(["properties"] + [name for name in vars(Message) if isinstance(vars(Message)[name], property)])

_STATE = [name for name in Message.__slots__ if name not in ("__dict__", "__weakref__")]

_SHOWN = (
    "inferred", "address", "reply_to", "durable", "ttl", "priority", "first_acquirer", "delivery_count", "id",
    "correlation_id", "user_id", "group_id", "group_sequence", "reply_to_group_id", "instructions", "annotations",
    "properties", "body", "footer",
)
