"""The Python in the documentation runs, page by page, and prints what the page says it prints."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Any, Dict, Iterator, NamedTuple

import pytest
import trustme

from syncproton.broker import Broker

DOCS = Path(__file__).resolve().parents[2] / "docs"

# A directive, its options, an empty line, and all that is indented below it.
BLOCK = re.compile(r"^\.\. code-block:: (?P<language>\w+)\n(?:    :.*\n)*\n(?P<text>(?:(?: {4}.*)?\n)+)", re.MULTILINE)


class Block(NamedTuple):
    """A code block of a page."""

    language: str
    text: str
    line: int


def blocks(page: Path) -> Iterator[Block]:
    """The code blocks of a page, in order."""
    source = page.read_text(encoding="utf-8")
    for match in BLOCK.finditer(source):
        line = source.count("\n", 0, match.start("text"))
        yield Block(match["language"], textwrap.dedent(match["text"]).rstrip(), line)


PAGES = [page for page in sorted(DOCS.rglob("*.rst")) if any(block.language == "python" for block in blocks(page))]


@pytest.fixture
def broker() -> Iterator[Broker]:
    with Broker("amqp://127.0.0.1:0") as running:
        yield running


@pytest.fixture
def certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files that the pages speak of, in the working directory."""
    monkeypatch.chdir(tmp_path)
    authority = trustme.CA()
    server = authority.issue_cert("127.0.0.1", "localhost")
    authority.cert_pem.write_to_path("ca.pem")
    client = authority.issue_cert("client.test", common_name="client")
    for name, issued in (("server", server), ("client", client)):
        issued.private_key_pem.write_to_path(f"{name}-key.pem")
        issued.cert_chain_pems[0].write_to_path(f"{name}.pem")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_page(page: Path, broker: Broker, certificates: None, capsys: pytest.CaptureFixture[str]) -> None:
    # One block may use what an earlier one has made.  A block of the language "none" is what the one before it prints.
    names: Dict[str, Any] = {"__name__": "__main__"}
    printed = ""
    for block in blocks(page):
        if block.language == "python":
            assert printed == "", "the page does not show all that is printed"
            text = "\n" * block.line + block.text.replace("amqp://localhost", broker.url)
            exec(compile(text, str(page), "exec"), names)
            printed = capsys.readouterr().out
        elif block.language == "none":
            assert printed.splitlines() == block.text.splitlines()
            printed = ""
    assert printed == "", "the page does not show all that is printed"


def test_extractor(tmp_path: Path) -> None:
    page = tmp_path / "page.rst"
    page.write_text("Words.\n\n.. code-block:: python\n\n    a = 1\n\n    if a:\n        b = 2\n\nMore words.\n\n"
                    ".. code-block:: none\n    :caption: x\n\n    1\n")
    assert list(blocks(page)) == [Block("python", "a = 1\n\nif a:\n    b = 2", 4), Block("none", "1", 14)]
