"""The package's front door: names, version, aliasing, and what importing it costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

import syncproton

PROTON_NAMES = """
    AnnotationDict Array Collector Condition Connection ConnectionException Data DataException Delivery Described
    Disposition Endpoint Event EventType Handler Interrupt Link LinkException Message MessageException PropertyDict
    ProtonException Receiver SASL SSL SSLDomain SSLException SSLSessionDetails SSLUnavailable Sender Session
    SessionException SymbolList Terminus Timeout Transport TransportException UNDESCRIBED Url VERSION_MAJOR
    VERSION_MINOR byte char decimal128 decimal32 decimal64 float32 int32 short symbol timestamp ubyte uint ulong ushort
""".split()


def run(code: str) -> str:
    result = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


@pytest.mark.parametrize("name", PROTON_NAMES + ["connect", "send", "receive", "WrongThread", "__version__"])
def test_names(name):
    assert hasattr(syncproton, name)
    assert name in syncproton.__all__


def test_all_is_there_and_sorted_out():
    assert len(set(syncproton.__all__)) == len(syncproton.__all__)
    for name in syncproton.__all__:
        assert hasattr(syncproton, name)


def test_the_version_of_the_api_is_protons():
    assert syncproton.VERSION == (0, 40, 0)
    assert syncproton.__version__ not in ("", "0.40.0")


def test_it_can_be_imported_under_protons_name():
    assert run(
        "import syncproton as proton\n"
        "print(proton.utils.BlockingConnection.__name__, proton.reactor.Container.__name__,"
        " proton.handlers.MessagingHandler.__name__)"
    ) == "BlockingConnection Container MessagingHandler"


def test_it_can_take_protons_place_in_the_list_of_modules():
    assert run(
        "import sys, syncproton\n"
        "for name in ('', '.utils', '.reactor', '.handlers'):\n"
        "    sys.modules['proton' + name] = sys.modules['syncproton' + name]\n"
        "from proton import Message\n"
        "from proton.utils import BlockingConnection\n"
        "from proton.reactor import Container\n"
        "print(Message.__module__.split('.')[0])"
    ) == "syncproton"


def test_under_protons_name_everything_is_there_once():
    """Where only the package is given that name, Python runs the files of its modules again, under that name."""
    assert run(
        "import importlib, sys, syncproton\n"
        "from syncproton import handlers, reactor, utils\n"
        "sys.modules['proton'] = syncproton\n"
        "homes = (syncproton, handlers, reactor, utils)\n"
        "for name in ('handlers', 'reactor', 'utils', '_condition', '_data', '_delivery', '_endpoints', '_events',\n"
        "             '_exceptions', '_handler', '_handlers', '_message', '_reactor', '_selectable', '_transport',\n"
        "             '_url', '_utils'):\n"
        "    module = importlib.import_module('proton.' + name)\n"
        "    for word in module.__all__:\n"
        "        for home in homes:\n"
        "            item = getattr(module, word)\n"
        "            assert getattr(home, word, item) is item, (name, word)\n"
        "print(sorted(name for name in sys.modules if name.startswith('proton.') and name[7:] in\n"
        "             ('engine', 'codec', 'security', 'sync', 'message', 'errors')))"
    ) == "[]"


def test_utils_has_protons_names():
    for name in ("BlockingConnection", "BlockingReceiver", "BlockingSender", "ConnectionClosed", "LinkDetached",
                 "SendException", "SyncRequestResponse"):
        assert hasattr(syncproton.utils, name)


def test_importing_starts_nothing():
    assert run(
        "import threading, syncproton\n"
        "print(threading.active_count())"
    ) == "1"
