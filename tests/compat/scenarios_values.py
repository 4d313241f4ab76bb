"""Values without a connection: Data and its cursor, messages, URLs, types, and what is raised for wrong ones."""

from __future__ import annotations

import uuid
from typing import Any

import proton
from record import kind_of
from scenario import Differs, scenario

DATA = proton.Data
#: Values of each kind, and the methods that put and get them.
SCALARS = (
    ("bool", True), ("ubyte", proton.ubyte(200)), ("byte", proton.byte(-3)), ("ushort", proton.ushort(60000)),
    ("short", proton.short(-300)), ("uint", proton.uint(4000000000)), ("int", proton.int32(-70000)),
    ("char", proton.char("x")), ("ulong", proton.ulong(1 << 63)), ("long", -(1 << 62)),
    ("timestamp", proton.timestamp(1234567890123)), ("float", proton.float32(1.5)), ("double", 2.25),
    ("uuid", uuid.UUID("00112233-4455-6677-8899-aabbccddeeff")), ("binary", b"bytes"), ("string", "text \u20ac"),
    ("symbol", proton.symbol("sym")),
)


def whole(value: Any) -> Any:
    """A value in a form in which both libraries print it alike."""
    if isinstance(value, (bytes, memoryview)):
        return bytes(value)
    if isinstance(value, proton.Array):
        return ("array", whole(value.descriptor), int(value.type), [whole(each) for each in value.elements])
    if isinstance(value, proton.Described):
        return ("described", whole(value.descriptor), whole(value.value))
    if isinstance(value, dict):
        return {whole(key): whole(each) for key, each in value.items()}
    if isinstance(value, list):
        return [whole(each) for each in value]
    return value


def kind(value: Any) -> str:
    """The name of a value's type; binary is binary, whatever it is read as."""
    return "bytes" if isinstance(value, (bytes, memoryview)) else type(value).__name__


@scenario()
def scalars_put_encoded_and_got(run: Any) -> None:
    for name, value in SCALARS:
        data = DATA()
        getattr(data, f"put_{name}")(value)
        run.note(name, data.encoded_size(), bytes(data.encode()).hex())
        again = DATA()
        run.note(again.decode(bytes(data.encode())), again.next(), again.type_name(again.type()))
        got = getattr(again, f"get_{name}")()
        run.note(kind(got), whole(got))


@scenario()
def other_scalars(run: Any) -> None:
    data = DATA()
    data.put_null()
    data.put_decimal32(proton.decimal32(5))
    data.put_decimal64(proton.decimal64(6))
    data.put_decimal128(proton.decimal128(b"0123456789abcdef"))
    run.note(bytes(data.encode()).hex())
    data.rewind()
    run.note(data.next(), data.is_null())
    run.note(data.next(), data.get_decimal32(), data.next(), data.get_decimal64(), data.next())
    run.note(whole(data.get_decimal128()), data.next())


@scenario()
def composites_by_hand(run: Any) -> None:
    data = DATA()
    data.put_list()
    data.enter()
    data.put_int(1)
    data.put_map()
    data.enter()
    data.put_string("key")
    data.put_ulong(2)
    data.exit()
    data.put_array(False, DATA.INT)
    data.enter()
    data.put_int(3)
    data.put_int(4)
    data.exit()
    data.put_array(True, DATA.STRING)
    data.enter()
    data.put_symbol("descriptor")
    data.put_string("a")
    data.exit()
    data.put_described()
    data.enter()
    data.put_symbol("d")
    data.put_string("value")
    data.exit()
    data.exit()
    run.note(bytes(data.encode()).hex())
    data.rewind()
    run.note(data.next(), data.type() == DATA.LIST, data.get_list(), data.enter())
    run.note(data.next(), data.get_int(), data.next(), data.get_map(), data.next(), data.get_array())
    run.note(data.next(), data.get_array(), data.next(), data.is_described(), data.next(), data.exit(), data.next())


@scenario(differs=Differs(
    "The numbers in an ``Array`` have the type that the array says",
    proton=["Array ('array', UNDESCRIBED, 8, [1, 2])"],
    ours=["Array ('array', UNDESCRIBED, 8, [int32(1), int32(2)])"]))
def objects(run: Any) -> None:
    values = [
        None, True, 1, -1, 1 << 40, 1.5, "text", b"bytes", proton.symbol("s"), [1, [2, "three"]], {"a": {"b": 1}},
        proton.Described(proton.symbol("d"), [1]), proton.Array(proton.UNDESCRIBED, DATA.INT, 1, 2),
        proton.Array(proton.symbol("x"), DATA.SYMBOL, proton.symbol("y")), proton.ulong(5), proton.char("c"),
        proton.timestamp(7), uuid.UUID(int=5), (1, 2), proton.PropertyDict(a=1), proton.SymbolList(["q"]),
    ]
    for value in values:
        data = DATA()
        data.put_object(value)
        run.note(bytes(data.encode()).hex())
        data.rewind()
        data.next()
        got = data.get_object()
        run.note(kind(got), whole(got))


@scenario()
def moving_about(run: Any) -> None:
    data = DATA()
    data.put_list()
    data.enter()
    for number in range(3):
        data.put_int(number)
    data.exit()
    data.put_string("after")
    data.rewind()
    run.note("prev", data.prev(), "next", data.next(), "enter", data.enter(), "prev", data.prev())
    run.note(data.next(), data.next(), data.get_int(), "prev", data.prev(), data.get_int())
    run.note("exit", data.exit(), "next", data.next(), data.get_string(), "next", data.next())
    data.rewind()
    data.next()
    data.enter()
    data.narrow()
    run.note("narrowed", data.exit(), data.next(), data.get_int())
    data.widen()
    run.note("widened", data.exit())
    data.clear()
    run.note("cleared", data.next(), bytes(data.encode()).hex(), data.encoded_size())


@scenario()
def looking_up(run: Any) -> None:
    data = DATA()
    data.put_map()
    data.enter()
    for key, value in (("one", 1), ("two", 2)):
        data.put_string(key)
        data.put_int(value)
    data.exit()
    data.rewind()
    data.next()
    data.enter()
    run.note(data.lookup("two"), data.get_int())
    data.exit()
    data.enter()
    run.note(data.lookup("three"))


NOTHING = "``Data.get_string`` and ``Data.get_symbol`` where there is none give an empty one"


@scenario(differs=Differs(
    NOTHING,
    proton=["string raises RuntimeError", "symbol raises RuntimeError", "symbol of a string raises RuntimeError"],
    ours=["string -> ''", "symbol -> symbol('')", "symbol of a string -> symbol('')"]))
def reading_what_is_not_there(run: Any) -> None:
    data = DATA()
    run.note(data.next(), data.type())
    for name in ("int", "string", "list", "array", "object", "symbol", "binary", "uuid", "map"):
        run.tried(name, lambda: whole(getattr(data, f"get_{name}")()))
    data.put_string("text")
    data.rewind()
    data.next()
    for name in ("int", "symbol", "list", "array", "double"):
        run.tried(f"{name} of a string", lambda: whole(getattr(data, f"get_{name}")()))


WRONG_KIND = "A value of a wrong type is a ``TypeError``, and one that cannot be encoded a ``DataException``"


@scenario(differs=[Differs(
    WRONG_KIND,
    proton=["put_string 3 raises AttributeError", "put_uuid no raises AttributeError",
            "put_symbol 3 raises AttributeError", "put_object object raises KeyError",
            "put_dict 3 raises AttributeError"],
    ours=["put_string 3 raises TypeError", "put_uuid no raises TypeError", "put_symbol 3 raises TypeError",
          "put_object object raises DataException", "put_dict 3 raises TypeError"]), Differs(
    "So is ``put_decimal128`` with what is not 16 bytes",
    proton=["put_decimal128 b'short' is taken"], ours=["put_decimal128 b'short' raises DataException"])])
def wrong_values(run: Any) -> None:
    data = DATA()
    for name, value in (
        ("put_int", "text"), ("put_int", 1 << 40), ("put_ubyte", -1), ("put_string", 3), ("put_binary", 3),
        ("put_uuid", "no"), ("put_symbol", 3), ("put_bool", "yes"), ("put_timestamp", "now"), ("put_double", "x"),
        ("put_object", object()), ("put_dict", 3), ("put_sequence", 3), ("put_decimal128", b"short"),
    ):
        try:
            getattr(data, name)(value)
            run.note(name, value if type(value) is not object else "object", "is taken")
        except Exception as error:
            run.note(name, value if type(value) is not object else "object", "raises", kind_of(error))


@scenario()
def wrong_bytes(run: Any) -> None:
    for octets in ("", "a1", "a105", "a1056162", "ff", "c0", "c00502", "d00000000500000001", "0053", "e00101", "98aa"):
        data = DATA()
        run.tried(octets or "nothing", lambda: data.decode(bytes.fromhex(octets)))


@scenario()
def several_values_in_one_buffer(run: Any) -> None:
    data = DATA()
    octets = bytes.fromhex("5401a10161")
    while octets:
        taken = data.decode(octets)
        run.note(taken)
        octets = octets[taken:]
    data.rewind()
    run.note(data.next(), data.get_object(), data.next(), data.get_object(), data.next())


@scenario()
def copies(run: Any) -> None:
    first, second = DATA(), DATA()
    first.put_object({"a": [1, 2]})
    second.copy(first)
    run.note(bytes(second.encode()) == bytes(first.encode()))
    first.clear()
    run.note(bytes(second.encode()).hex(), first.encoded_size())


TOO_LARGE = (("ubyte", 256), ("ushort", 65536), ("uint", 1 << 32), ("ulong", 1 << 64))


@scenario(differs=Differs(
    "``ubyte(256)`` and its kind are a ``ValueError``",
    proton=[f"{name} {value} makes {name}({value})" for name, value in TOO_LARGE],
    ours=[f"{name} {value} raises ValueError" for name, value in TOO_LARGE]))
def numbers_out_of_range(run: Any) -> None:
    for name, value in (("ubyte", -1), ("ubyte", 256), ("byte", 128), ("ushort", -1), ("ushort", 65536),
                        ("short", 40000), ("uint", -1), ("uint", 1 << 32), ("ulong", -1), ("ulong", 1 << 64),
                        ("int32", 1 << 31), ("char", ""), ("char", "ab")):
        try:
            made = getattr(proton, name)(value)
            run.note(name, value, "makes", repr(made))
        except Exception as error:
            run.note(name, value, "raises", kind_of(error))


@scenario()
def types_and_how_they_print(run: Any) -> None:
    for value in (proton.ubyte(1), proton.ulong(2), proton.symbol("s"), proton.char("c"), proton.timestamp(3),
                  proton.Described("d", 1), proton.Array(proton.UNDESCRIBED, DATA.INT, 1),
                  proton.float32(1.5), proton.int32(4), proton.decimal32(5), proton.byte(1), proton.short(2)):
        run.note(repr(value), str(value), value == value, isinstance(value, int), isinstance(value, str))
    run.note(proton.symbol("a") == "a", proton.ulong(3) == 3, hash(proton.symbol("a")) == hash("a"))
    run.note(proton.Described("d", 1) == proton.Described("d", 1), proton.Described("d", 1) == proton.Described("d", 2))


# --- messages

FIELDS = (
    "durable", "priority", "ttl", "first_acquirer", "delivery_count", "id", "user_id", "address", "subject", "reply_to",
    "correlation_id", "content_type", "content_encoding", "expiry_time", "creation_time", "group_id", "group_sequence",
    "reply_to_group_id", "body", "properties", "annotations", "instructions", "inferred")


@scenario()
def a_new_message(run: Any) -> None:
    message = proton.Message()
    for name in FIELDS:
        run.note(name, repr(getattr(message, name)))
    run.note(bytes(message.encode()).hex())
    run.note(repr(message), str(message))


def full() -> Any:
    message = proton.Message(
        body=["one", 2, {"three": 4}], id="id", user_id=b"joe", address="to", subject="about", reply_to="back",
        correlation_id=proton.ulong(7), content_type="text/plain", content_encoding="gzip", durable=True, priority=9,
        ttl=5, expiry_time=1234.5, creation_time=1000.25, group_id="group", group_sequence=3, reply_to_group_id="other",
        properties={"key": "value", "n": 1}, first_acquirer=True, delivery_count=2)
    message.annotations = {proton.symbol("x-a"): 1}
    message.instructions = {proton.symbol("x-i"): 2}
    return message


@scenario()
def all_of_a_message(run: Any) -> None:
    octets = bytes(full().encode())
    run.note("wire", "message", (b"AMQP\x00\x01\x00\x00" + _transfer(octets)).hex())
    again = proton.Message()
    run.note(again.decode(octets) is None)
    for name in FIELDS:
        run.note(name, whole(getattr(again, name)))
    run.note(repr(again))
    again.clear()
    run.note(again.id, again.body, again.properties, again.subject)


#: A transfer, whose payload is a message.
TRANSFER = bytes.fromhex("005314c00703435200a00130")


def _transfer(payload: bytes) -> bytes:
    """A frame around a message, so that it is shown decoded."""
    size = 8 + len(TRANSFER) + len(payload)
    return size.to_bytes(4, "big") + b"\x02\x00\x00\x00" + TRANSFER + payload


@scenario()
def bodies_and_what_they_come_back_as(run: Any) -> None:
    for inferred in (False, True):
        for body in (None, "text", b"bytes", 5, 1.5, True, [1, 2], {"a": 1}, proton.symbol("s"), proton.ulong(9),
                     proton.Described(proton.symbol("d"), 1), uuid.UUID(int=3)):
            message = proton.Message(body=body, inferred=inferred)
            octets = bytes(message.encode())
            again = proton.Message()
            again.decode(octets)
            got = again.body
            run.note(inferred, whole(body), kind(got), whole(got), again.inferred)


@scenario(differs=Differs(
    WRONG_KIND, proton=["ttl soon raises ValueError", "expiry_time x raises ValueError"],
    ours=["ttl soon raises TypeError", "expiry_time x raises TypeError"]))
def wrong_messages(run: Any) -> None:
    for name, value in (("priority", "high"), ("priority", 300), ("ttl", "soon"), ("durable", 3),
                        ("delivery_count", -1), ("user_id", 3), ("address", 3), ("subject", 3),
                        ("group_sequence", "x"), ("expiry_time", "x"),
                        ("reply_to", 3), ("group_id", 3)):
        message = proton.Message()

        def wrong() -> None:
            setattr(message, name, value)
            message.encode()
        try:
            wrong()
            run.note(name, value, "is taken:", repr(getattr(message, name)))
        except Exception as error:
            run.note(name, value, "raises", kind_of(error))


GARBAGE = ("ff", "005377", "005377a1056162", "005370c0")


@scenario(differs=[Differs(
    "``Message.decode`` raises ``MessageException`` for what is no message",
    proton=[f"{octets} -> None" for octets in GARBAGE],
    ours=[f"{octets} raises MessageException" for octets in GARBAGE]), Differs(
    WRONG_KIND, proton=["a body that is nothing raises KeyError"],
    ours=["a body that is nothing raises MessageException"])])
def messages_that_are_none(run: Any) -> None:
    message = proton.Message()
    for octets in GARBAGE:
        run.tried(octets, lambda: message.decode(bytes.fromhex(octets)))
    message.properties = {3: "x"}
    run.tried("a key that is no text", lambda: bool(message.encode()))
    message.properties = None
    message.body = object()
    run.tried("a body that is nothing", lambda: bool(message.encode()))


@scenario()
def message_ids(run: Any) -> None:
    for value in (None, "text", b"bytes", 5, proton.ulong(6), uuid.UUID(int=7)):
        message = proton.Message()
        message.id = value
        again = proton.Message()
        again.decode(bytes(message.encode()))
        run.note(repr(value), kind(again.id), whole(again.id))


# --- URLs

@scenario(differs=Differs(
    "A slash in a password is quoted in the text of a ``Url``",
    proton=["amqp://u%40x:p/w@h:amqp", "amqp://u%40x:p/w@h:amqp True amqp"],
    ours=["amqp://u%40x:p%2Fw@h:amqp", "amqp://u%40x:p%2Fw@h:amqp True amqp"]))
def urls(run: Any) -> None:
    for text in ("host", "host:1234", "amqp://host", "amqps://host/path", "user@host", "user:secret@host:99/a/b",
                 "[::1]:5672/q", "amqp://u%40x:p%2Fw@h", ":1234", "/path", "amqp://host:amqps", "host/", "0.0.0.0"):
        url = proton.Url(text)
        run.note(text, url.scheme, url.username, url.password, url.host, repr(url.port), url.path)
        run.note(str(url))
        run.note(str(url.defaults()), url.port == 5672, str(url.port))


@scenario(differs=[Differs(
    "``Url`` refuses ports that are no ports",
    proton=["a port that is none -> Url('amqp://h:xyz')"],
    ours=["a port that is none raises ProtonException"]), Differs(
    "A misspelt keyword is a ``TypeError`` that names the word",
    proton=["an unknown keyword raises AttributeError"], ours=["an unknown keyword raises TypeError"])])
def parts_of_urls(run: Any) -> None:
    url = proton.Url(scheme="amqp", username="me", password="secret", host="myhost", port=1234, path="foobar")
    run.note(str(url), url == proton.Url("amqp://me:secret@myhost:1234/foobar"), url == "amqp://x")
    url.port = None
    run.note(str(url), url.port)
    url.username = url.password = None
    run.note(str(url))
    run.tried("a port that is none", lambda: proton.Url(host="h", port="xyz"))
    run.tried("an unknown keyword", lambda: proton.Url(nothing=1))
    port = proton.Url.Port("amqps")
    run.note(port, int(port), port == 5671, port == "amqps", repr(port))
