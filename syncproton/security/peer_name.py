"""Does a certificate belong to the host we wanted? (RFC 6125, with the latitude that ``proton`` gives.)

A host name matches a DNS name among the subject alternative names, or a common name of the subject, without regard to
case.  A ``*`` stands for any characters within one label, also in the middle of it (``*.prefix*.domain.com``), but not
in the last two labels and not in an internationalised label.  An IP address matches an IP address among the
alternative names, or such a name or common name spelt exactly alike; wildcards never match one.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, List, Optional, Tuple, Union

if TYPE_CHECKING:
    from cryptography import x509

__all__ = ["certificate_matches", "certificate_names", "name_matches"]

_MAX_NAME = 255
_Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]


def certificate_matches(certificate: x509.Certificate, host: str) -> bool:
    """Whether the certificate is that of ``host``, a name or an IP address.

    :raises ValueError: the certificate's names cannot be read.
    """
    names, addresses = _names(certificate)
    wanted = _as_address(host)
    if wanted is not None:
        return wanted in addresses or any(_as_address(name) == wanted for name in names)
    return any(name_matches(name, host) for name in names)


def certificate_names(certificate: x509.Certificate) -> List[str]:
    """The names and addresses that a certificate is for, to be read by people.

    :raises ValueError: they cannot be read.
    """
    names, addresses = _names(certificate)
    return [*dict.fromkeys(names), *map(str, addresses)]


def _names(certificate: x509.Certificate) -> Tuple[List[str], List[_Address]]:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    names: List[str] = []
    addresses: List[_Address] = []
    try:
        alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        pass
    else:
        names += alternatives.get_values_for_type(x509.DNSName)
        for address in alternatives.get_values_for_type(x509.IPAddress):
            if isinstance(address, (ipaddress.IPv4Address, ipaddress.IPv6Address)):
                addresses.append(address)
    for attribute in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME):
        if isinstance(attribute.value, str):
            names.append(attribute.value)
    return names, addresses


def name_matches(pattern: str, host: str) -> bool:
    """Whether a name in a certificate, perhaps with wildcards, is that of the host."""
    try:
        wanted = _labels(host)
        labels = _labels(pattern)
    except UnicodeError:
        return False
    if len(labels) != len(wanted) or not all(wanted):
        return False
    if any("*" in label for label in labels[-2:]):
        return False
    return all(map(_label_matches, labels, wanted))


def _label_matches(pattern: str, label: str) -> bool:
    if "*" not in pattern:
        return pattern == label
    if pattern != "*" and (label.startswith("xn--") or pattern.startswith("xn--")):
        return False
    first, *middle, last = pattern.split("*")
    if len(first) + len(last) > len(label) or not (label.startswith(first) and label.endswith(last)):
        return False
    position, end = len(first), len(label) - len(last)
    for part in middle:  # leftmost is best: linear, however many wildcards the certificate has
        position = label.find(part, position, end)
        if position < 0:
            return False
        position += len(part)
    return True


def _labels(name: str) -> List[str]:
    if len(name) > _MAX_NAME:
        raise UnicodeError("longer than any host name")
    name = name[:-1] if name.endswith(".") else name
    if not name.isascii():
        name = name.encode("idna").decode("ascii")
    return name.lower().split(".")


def _as_address(text: str) -> Optional[_Address]:
    try:
        return ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return None
