"""Everything here talks to real peers, started by the suite itself; one that is missing is a failure, not a skip."""

from __future__ import annotations

import uuid
from typing import List

import pytest

from broker_under_test import BrokerUnderTest
from fix_artemis import _artemis_pair, artemis, artemis_home, artemis_pair
from fix_cbroker import cbroker
from fix_inmemory import inmemory
from fix_peers import peer, proton_server
from fix_rabbitmq import rabbitmq
from fix_tls import artemis_tls, certificates, proton_tls

__all__ = ["_artemis_pair", "address", "artemis", "artemis_home", "artemis_pair", "artemis_tls", "broker", "cbroker",
           "certificates", "inmemory", "peer", "proton_server", "proton_tls", "rabbitmq"]

_TIMEOUT = 180


def pytest_collection_modifyitems(items: List[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(_TIMEOUT))


@pytest.fixture(scope="session", params=["artemis", "rabbitmq", "cbroker", "inmemory"])
def broker(request: pytest.FixtureRequest) -> BrokerUnderTest:
    """Each broker in turn."""
    running: BrokerUnderTest = request.getfixturevalue(request.param)
    return running


@pytest.fixture
def address(broker: BrokerUnderTest) -> str:
    """The address of a queue of the broker that no other test uses."""
    return broker.address(f"test-{uuid.uuid4().hex[:12]}")


@pytest.fixture(scope="session", params=["artemis", "inmemory"])
def capable(request: pytest.FixtureRequest) -> BrokerUnderTest:
    """Each broker that has transactions and topics, in turn."""
    running: BrokerUnderTest = request.getfixturevalue(request.param)
    return running
