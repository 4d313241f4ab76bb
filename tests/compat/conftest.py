"""Programs run once with proton and once with syncproton.  Without proton there is nothing to compare: that fails."""

from __future__ import annotations

from typing import Dict, Iterator

import pytest

from libraries import Libraries


class Running(Dict[str, Libraries]):
    """The processes of both libraries for a module of scenarios, begun when first asked for."""

    def __missing__(self, module: str) -> Libraries:
        self.close()  # Modules are run one after another.
        self[module] = Libraries(module)
        return self[module]

    def close(self) -> None:
        """End the processes."""
        for each in self.values():
            each.close()
        self.clear()


@pytest.fixture(scope="session")
def running() -> Iterator[Running]:
    """Both libraries, ready to run scenarios."""
    libraries = Running()
    yield libraries
    libraries.close()
