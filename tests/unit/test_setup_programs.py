"""Other programs: run to their end, and left to clean up when we are interrupted."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

import pytest

from toolkit.errors import EngineError
from toolkit.setup import programs
from toolkit.setup.programs import Ended, Rights

ENV = {"PATH": os.environ["PATH"]}


def test_the_last_lines_and_the_code_are_kept() -> None:
    ended = programs.run(("sh", "-c", "echo one; echo two >&2; exit 3"), env=ENV)
    assert ended == Ended(3, ("one", "two"))
    assert ended.reason == "two"


def test_a_program_that_is_not_there_ends_with_127() -> None:
    ended = programs.run(("no-such-program-here",), env=ENV)
    assert ended == Ended(127, ("no-such-program-here: No such file or directory",))


def test_a_daemon_that_keeps_the_output_open_keeps_nobody_waiting(tmp_path: Path) -> None:
    """With a pipe this would wait for the sleeper; its process id is its answer."""
    begun = tmp_path / "begun"
    script = f"sleep 30 & echo $! > {begun}; echo started"
    assert programs.run(("sh", "-c", script), env=ENV).lines == ("started",)
    os.kill(int(begun.read_text()), signal.SIGKILL)


def test_an_interrupted_program_and_its_children_clean_up_before_we_go_on(tmp_path: Path) -> None:
    """An mmdebstrap that is killed leaves mounts behind, and its children are those that unmount.

    The program itself ends at once here; the child needs a while.
    """
    clean, ready = tmp_path / "clean", tmp_path / "ready"
    trap = f"trap 'sleep 0.6; echo done > {clean}; exit' INT"
    child = f"{trap}; touch {ready}; while :; do sleep 0.1; done"

    def interrupt() -> None:
        while not ready.exists():
            threading.Event().wait(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    script = f"import subprocess, time; subprocess.Popen(['sh', '-c', {child!r}]); time.sleep(20)"
    with pytest.raises(KeyboardInterrupt):
        programs.run((sys.executable, "-S", "-c", script), env=ENV)
    assert clean.read_text() == "done\n"


def test_a_sudo_that_asks_stays_in_the_terminals_process_group() -> None:
    """In another group it would be stopped when it reads the password."""
    assert programs._may_ask(("sudo", "apt-get"))
    assert not programs._may_ask(("sudo", "-n", "apt-get"))


def test_roots_rights_that_cannot_be_had_are_an_error_with_the_command() -> None:
    with pytest.raises(EngineError) as caught:
        Rights(None).grant(("mount", "a b"))
    assert str(caught.value) == (
        "`mount` needs root's rights and there is no `sudo` that would give them"
    )
    assert caught.value.hint == "as root, type: mount 'a b'"


def test_rights_are_a_prefix() -> None:
    assert Rights(("sudo", "-n")).grant(("mount",)) == ("sudo", "-n", "mount")


def test_the_callers_proxies_survive_sudo() -> None:
    command = programs.with_proxies(("x",), {"HTTP_PROXY": "p", "HOME": "h"}, LANG="C")
    assert command == ("env", "HTTP_PROXY=p", "LANG=C", "x")


def test_administrators_programs_are_looked_for_behind_the_users() -> None:
    assert programs.search_path({"PATH": "/a:/usr/sbin"}) == "/a:/usr/sbin:/usr/local/sbin:/sbin"


def test_the_tail_of_a_log_starts_where_we_started(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"old\nnew 1\nnew 2\n")
    with log.open("rb") as file:
        assert programs.tail(file, start=4) == ("new 1", "new 2")
