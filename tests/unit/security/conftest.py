"""Certificates for the tests of security, made once."""

from __future__ import annotations

import pytest
from security_peers import Pki


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki(tmp_path_factory.mktemp("pki"))
