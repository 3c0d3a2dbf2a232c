"""Output that a result cannot hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.coding.recording import LOG_LIMIT, Recorder
from toolkit.worker.result import Result


def end() -> Result:
    return Result(("sh",), 0, b"", b"", 0.0, timed_out=False)


def test_output_that_fits_is_kept_and_writes_no_file(tmp_path: Path) -> None:
    with Recorder(tmp_path, "a.sh", 4) as recorder:
        recorder.add("stdout", b"ab")
        recorder.add("stderr", b"abcd")
        recorder.add("stdout", b"cd")
    result = recorder.completed(end())
    assert (result.stdout, result.stderr, result.truncated) == (b"abcd", b"abcd", False)
    assert recorder.log_file is None
    assert list(tmp_path.iterdir()) == []


def test_of_more_the_head_and_the_tail_are_kept_and_all_of_it_is_in_the_log(tmp_path: Path) -> None:
    written = [b"%04d" % number for number in range(20)]
    with Recorder(tmp_path, "a.sh", 16) as recorder:
        for data in written:
            recorder.add("stdout", data)
    result = recorder.completed(end())
    assert result.stdout == b"00000001\n[... output truncated ...]\n00180019"
    assert result.truncated
    assert recorder.log_file == str(tmp_path / "a.sh.log")
    assert Path(recorder.log_file).read_bytes() == b"".join(written)


def test_one_large_piece_is_in_the_log_whole(tmp_path: Path) -> None:
    with Recorder(tmp_path, "a.sh", 16) as recorder:
        recorder.add("stdout", b"x" * 100)
    assert (tmp_path / "a.sh.log").read_bytes() == b"x" * 100
    assert recorder.completed(end()).truncated


def test_the_log_ends_somewhere_too(tmp_path: Path) -> None:
    with Recorder(tmp_path, "a.sh", 10) as recorder:
        for _ in range(100):
            recorder.add("stdout", b"12345")
    log = (tmp_path / "a.sh.log").read_bytes()
    assert log == b"12345" * (LOG_LIMIT * 2) + b"\n[... the log ends here ...]\n"


def test_a_link_that_code_planted_is_not_written_through(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "a.sh.log").symlink_to(victim)
    with Recorder(tmp_path, "a.sh", 4) as recorder:
        recorder.add("stdout", b"12345")
    assert victim.read_text() == "precious"
    assert recorder.log_file is None
    assert recorder.completed(end()).truncated


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_the_folder_may_be_gone(tmp_path: Path, stream: str) -> None:
    with Recorder(tmp_path / "gone", "a.sh", 4) as recorder:
        recorder.add(stream, b"12345")  # type: ignore[arg-type]
    assert recorder.log_file is None
