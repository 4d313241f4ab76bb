"""What the identifiers of a selector stand for.

===============================  ===================================================================================
``JMSPriority``                  the header's priority, 4 if it has none
``JMSDeliveryMode``              ``'PERSISTENT'`` or ``'NON_PERSISTENT'``: the header's durable
``JMSMessageID``                 the message-id as text, with ``ID:`` before it unless it starts so
``JMSCorrelationID``             the correlation-id as text, with ``ID:AMQP_ULONG:``, ``ID:AMQP_UUID:`` or
                                 ``ID:AMQP_BINARY:`` before it if it is of these types
``JMSTimestamp``                 the creation-time in milliseconds since the epoch, 0 if there is none
``JMSType``                      the subject
``JMSXGroupID``, ``JMSXGroupSeq``, ``JMSXUserID``  the group-id, the group-sequence, the user-id as text
``amqp.priority`` and so on      a field of the header or the properties under its own name: see :data:`NAMES`
``"m.NAME"``                     a message annotation
anything else                    an application property
===============================  ===================================================================================

The JMS names mean what they mean to ActiveMQ Artemis, the AMQP names are those of the Qpid brokers.
"""

from __future__ import annotations

import uuid
from typing import Any, Callable, Dict, List, Optional

from syncproton.broker.sections import Sections
from syncproton.broker.selector import OPAQUE, SelectorError
from syncproton.codec import decimal32, decimal64

__all__ = ["NAMES", "resolve"]

Getter = Callable[[Sections], Any]

_HEADER_FIELDS = ("durable", "priority", "ttl")
_PROPERTIES_FIELDS = (
    "message_id", "user_id", "to", "subject", "reply_to", "correlation_id", "content_type", "content_encoding",
    "absolute_expiry_time", "creation_time", "group_id", "group_sequence", "reply_to_group_id")
_PREFIX = "amqp."
_ANNOTATION_PREFIX = "m."

#: The identifiers that start with ``amqp.``; others that do are refused.
NAMES = tuple(_PREFIX + name for name in _HEADER_FIELDS + _PROPERTIES_FIELDS)


def resolve(name: str, position: int) -> Getter:
    """A function that reads what an identifier stands for.

    :raises SelectorError: if it is the name of a field that there is not.
    """
    getter = _GETTERS.get(name)
    if getter is not None:
        return getter
    if name.startswith(_PREFIX):
        raise SelectorError(f"there is no field '{name[:40]}'; there are {', '.join(NAMES)}", position)
    if name.startswith(_ANNOTATION_PREFIX):
        key = name[len(_ANNOTATION_PREFIX):]
        return lambda sections: _plain(sections.annotations.get(key))
    return lambda sections: _plain(sections.application_properties.get(name))


def _plain(value: Any) -> Any:
    """A value in the form in which selectors compare it."""
    if value is None or isinstance(value, (str, bool, float)):
        return value
    if isinstance(value, int) and not isinstance(value, (decimal32, decimal64)):
        return value
    return OPAQUE


def _field(fields: List[Any], index: int) -> Any:
    return fields[index] if index < len(fields) else None


def _header_getter(index: int, default: Any) -> Getter:
    def get(sections: Sections) -> Any:
        value = _field(sections.header, index)
        return default if value is None else _plain(value)

    return get


def _properties_getter(name: str, convert: Callable[[Any], Any] = _plain) -> Getter:
    index = _PROPERTIES_FIELDS.index(name)
    return lambda sections: convert(_field(sections.properties, index))


def _text(value: Any) -> Any:
    """Identifiers may be UUIDs or bytes; as text they can be compared."""
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return _plain(value)


def _message_id(value: Any) -> Optional[str]:
    if value is None:
        return None
    text = value.hex().upper() if isinstance(value, bytes) else str(value)
    return text if text.startswith("ID:") else "ID:" + text


def _correlation_id(value: Any) -> Optional[str]:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return "ID:AMQP_BINARY:" + value.hex().upper()
    return f"ID:AMQP_{'UUID' if isinstance(value, uuid.UUID) else 'ULONG'}:{value}"


def _number(value: Any) -> Any:
    return 0 if value is None else _plain(value)


_durable = _header_getter(0, False)


def _delivery_mode(sections: Sections) -> str:
    return "PERSISTENT" if _durable(sections) is True else "NON_PERSISTENT"


_GETTERS: Dict[str, Getter] = {
    "JMSPriority": _header_getter(1, 4),
    "JMSDeliveryMode": _delivery_mode,
    "JMSMessageID": _properties_getter("message_id", _message_id),
    "JMSCorrelationID": _properties_getter("correlation_id", _correlation_id),
    "JMSTimestamp": _properties_getter("creation_time", _number),
    "JMSType": _properties_getter("subject"),
    "JMSXGroupID": _properties_getter("group_id"),
    "JMSXGroupSeq": _properties_getter("group_sequence"),
    "JMSXUserID": _properties_getter("user_id", _text),
    "amqp.durable": _durable,
    "amqp.priority": _header_getter(1, 4),
    "amqp.ttl": _header_getter(2, None),
    **{_PREFIX + name: _properties_getter(name, _text) for name in _PROPERTIES_FIELDS},
}
