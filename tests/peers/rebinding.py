"""A pytest plugin, `-p rebinding`, that runs a peer's own tests on our classes.

Before anything is collected, every name in the peer's modules that is bound to one of its classes
is bound to ours. Our classes have the same names, so a test's id does not tell which one ran: ours
count how often they are made, and a session in which one of them never was has failed.

$TOOLKIT_REBIND: `peer.module:Name=toolkit.module:Name`, separated by blanks. $TOOLKIT_REPORT: the
file for what came of it. Standard library and pytest only; nothing of it knows a peer.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest


class Rebound:
    """One class of theirs, replaced by one of ours, and how often ours was made."""

    def __init__(self, pair: str) -> None:
        theirs, _, ours = pair.partition("=")
        self.name = theirs
        self.old = _found(theirs)
        self.new = _found(ours)
        self.places = self._rebind()
        self.made = 0
        self._count()

    def _rebind(self) -> int:
        top = self.old.__module__.partition(".")[0]
        places = 0
        for name, module in list(sys.modules.items()):
            if name.partition(".")[0] != top:
                continue
            for attribute, value in list(vars(module).items()):
                if value is self.old:
                    setattr(module, attribute, self.new)
                    places += 1
        return places

    def _count(self) -> None:
        made = self.new.__init__

        def counted(itself: object, *arguments: Any, **named: Any) -> None:  # noqa: ANN401 - any class's
            self.made += 1
            made(itself, *arguments, **named)

        self.new.__init__ = counted


class Report:
    """What the session came to, test by test."""

    def __init__(self, rebound: list[Rebound]) -> None:
        self.rebound = rebound
        self.outcomes: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        name = report.nodeid.rpartition("/")[2]
        if report.when == "call" or report.outcome != "passed":
            self.outcomes[name] = report.outcome

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        made = {each.name: each.made for each in self.rebound}
        places = {each.name: each.places for each in self.rebound}
        said = {"made": made, "places": places, "outcomes": self.outcomes}
        Path(os.environ["TOOLKIT_REPORT"]).write_text(json.dumps(said), encoding="utf-8")
        if not all(made.values()) or not all(places.values()):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_configure(config: pytest.Config) -> None:
    rebound = [Rebound(pair) for pair in os.environ["TOOLKIT_REBIND"].split()]
    config.pluginmanager.register(Report(rebound))


def _found(place: str) -> Any:  # noqa: ANN401 - a class, of whatever kind
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)
