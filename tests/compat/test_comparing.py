"""The comparison itself: what differs without being declared fails, and so does what is declared and does not."""

from __future__ import annotations

from typing import Any, List

import pytest

from libraries import Died, Libraries, compare
from scenario import Differs, Scenario
from scripted_peer import Server


def judged(proton: List[str], ours: List[str], *differs: Differs) -> None:
    compare(Scenario("made up", lambda run: None, (), differs), proton, ours)


def test_the_same_is_the_same() -> None:
    judged(["a", "b"], ["a", "b"])


@pytest.mark.parametrize("ours", [["a"], ["b", "a"], ["a", "b", "c"], ["a", "B"]])
def test_what_is_not_declared_fails(ours: List[str]) -> None:
    with pytest.raises(pytest.fail.Exception, match="made up"):
        judged(["a", "b"], ours)


def test_what_is_declared_has_to_be_so() -> None:
    declared = Differs("text", proton=["b"], ours=["c"])
    judged(["a", "b"], ["a", "c"], declared)
    for ours in (["a", "b"], ["a", "d"], ["a", "c", "c"]):
        with pytest.raises(pytest.fail.Exception, match="declared"):
            judged(["a", "b"], ours, declared)


def test_a_trace_of_nothing_fails() -> None:
    with pytest.raises(AssertionError, match="nothing"):
        judged([], [])


def test_a_peer_that_did_not_get_through_its_script_fails() -> None:
    line = "peer 1: ! Close was to come"
    with pytest.raises(pytest.fail.Exception, match="not followed"):
        judged([line], [line])


def test_an_exception_is_the_same_if_it_can_be_caught_by_the_same_name() -> None:
    judged(["it raises KeyError/LookupError/Exception"], ["it raises Special/KeyError/LookupError/Exception"])
    for names in ("LookupError/Exception", "ValueError/Exception"):
        with pytest.raises(pytest.fail.Exception, match="made up"):
            judged(["it raises KeyError/LookupError/Exception"], [f"it raises {names}"])


def test_each_library_is_the_one_it_is_called() -> None:
    libraries = Libraries("scenarios_engine")
    try:
        for number, name in enumerate(("proton", "syncproton")):
            with pytest.raises(AssertionError, match=f"{name}, no_such_scenario: Traceback"):
                libraries._libraries[number].run("no_such_scenario", [])
    finally:
        libraries.close()


def test_a_peer_without_a_client_stops() -> None:
    server: Any = Server([["greet"]])
    assert server.finish() == []


def test_a_crash_of_proton_is_tried_again_and_one_of_ours_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    libraries = Libraries("scenarios_engine")
    theirs, ours = libraries._libraries
    crashes: List[Any] = []

    def run(library: Any, scenario: Any) -> List[str]:
        if library in crashes:
            crashes.remove(library)
            raise Died("it crashed")
        return ["a line"]

    monkeypatch.setattr(Libraries, "_run", staticmethod(run))
    try:
        crashes.append(theirs)
        assert libraries.run(Scenario("made up", print, (), ())) == (["a line"], ["a line"])
        for again in ([ours], [theirs, theirs]):
            crashes += again
            with pytest.raises(Died):
                libraries.run(Scenario("made up", print, (), ()))
            assert not crashes
    finally:
        libraries.close()
