"""What the executor's constructor refuses before any engine is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.coding import DockerCommandLineCodeExecutor
from toolkit.coding.docker import DockerUnavailableError
from toolkit.coding.execution import ExecutorValueError
from toolkit.errors import SpecError


def test_a_profile_that_is_none_is_a_value_error(tmp_path: Path) -> None:
    with pytest.raises(ExecutorValueError, match="profile 'foo' does not exist") as caught:
        DockerCommandLineCodeExecutor(work_dir=tmp_path, profile="foo")
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, SpecError)
    assert caught.value.hint == "choose one of standard, strict, compat"


def test_a_context_that_is_gone_is_a_runtime_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("DOCKER_CONTEXT", "gone")
    with pytest.raises(DockerUnavailableError, match=r"^Docker is not available\. ") as caught:
        DockerCommandLineCodeExecutor(work_dir=tmp_path)
    assert isinstance(caught.value, RuntimeError)
    assert "`gone`" in str(caught.value)
    assert caught.value.hint == "unset DOCKER_CONTEXT"


def test_a_bind_dir_has_no_use_where_the_work_dir_is_copied(tmp_path: Path) -> None:
    with pytest.raises(ExecutorValueError) as caught:
        DockerCommandLineCodeExecutor(work_dir=tmp_path, bind_dir="/srv", transfer="copy")
    assert str(caught.value) == "bind_dir /srv has no use with transfer='copy'"
    assert caught.value.hint == "leave one of them out"
