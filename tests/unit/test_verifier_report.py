"""The probe's answer is judged: every breach is named, nothing is taken for granted."""

from __future__ import annotations

import json

import pytest

from toolkit.errors import VerificationError
from toolkit.verifier.report import Report, hint

LOCK = '[[packages]]\nname = "opencv-python"\nversion = "4"\n'
MISSING = "ImportError: libGL.so.1: cannot open shared object file: No such file or directory"


def answer(**changes: object) -> Report:
    said = {
        "python": "3.11.2",
        "lock": LOCK,
        "installed": [["opencv-python", "4"], ["pip", "26"]],
        "modules": {"cv2": "opencv-python"},
        "imports": {"cv2": ""},
        "folders": {"/workspace": "", "/opt/venv": ""},
    }
    return Report.parse(json.dumps(said | changes).encode())


def problems(report: Report, *excused: str) -> list[str]:
    return [str(problem) for problem in report.problems(excused)]


def test_an_image_that_works_has_no_problems() -> None:
    """Pip is there and not in the lock, and that is as it should be."""
    assert problems(answer()) == []


def test_a_missing_shared_object_is_named_with_its_debian_package() -> None:
    """The trial that started it: an image that built and did not import."""
    report = answer(imports={"cv2": MISSING})
    assert problems(report) == [f"import cv2: {MISSING} (from opencv-python)"]
    assert hint(report) == "add --apt libgl1 for libGL.so.1"


def test_an_unknown_shared_object_is_named_all_the_same() -> None:
    """The table is not complete, and says so by its silence only."""
    report = answer(imports={"cv2": MISSING.replace("libGL", "libodd")})
    assert hint(report) == "find the Debian package that has libodd.so.1, and add it with --apt"


@pytest.mark.parametrize(
    ("manager", "way"),
    [("rpm", "and add it with --rpm"), ("", "and put it into the base")],
)
def test_on_another_base_the_package_has_another_name(manager: str, way: str) -> None:
    report = answer(imports={"cv2": MISSING}, manager=manager)
    assert hint(report) == (f"find the base's package that has libGL.so.1 (Debian: libgl1), {way}")


def test_an_import_that_fails_otherwise_can_be_excused_by_name() -> None:
    """And by no other name."""
    report = answer(imports={"cv2": "RuntimeError: no display"})
    assert problems(report, "cv2") == []
    assert problems(report, "cv") == ["import cv2: RuntimeError: no display (from opencv-python)"]
    assert hint(report).startswith("fix or pin the package, or excuse the module")


def test_a_folder_that_a_stranger_cannot_write_to_is_a_breach() -> None:
    """Code runs under the caller's uid, whatever that is."""
    report = answer(folders={"/workspace": "[Errno 13] Permission denied"})
    assert problems(report) == [
        "/workspace: is not writable for every uid: [Errno 13] Permission denied"
    ]


def test_what_is_installed_must_be_what_is_locked() -> None:
    """A build that installed something else is not what was asked for."""
    report = answer(installed=[["opencv-python", "5"]])
    assert problems(report) == ["opencv-python: is locked at 4, installed at 5"]
    assert hint(report) == "build with --rebuild, and report this if it happens again"


@pytest.mark.parametrize("text", [b"", b"{}", b"Segmentation fault", b'{"python": "3"}', b"[]"])
def test_an_answer_that_the_probe_never_gives_is_an_error(text: bytes) -> None:
    """An image whose Python prints something else is not verified by accident."""
    with pytest.raises(VerificationError, match="the image's Python answered"):
        Report.parse(text)


def test_what_conda_has_brought_is_not_locked_and_need_not_be() -> None:
    """Its own records have it; what pip has put over it is locked as ever."""
    installed = [["opencv-python", "4"], ["GDAL", "3"], ["stray", "1"]]
    assert problems(answer(installed=installed, brought=["GDAL", "opencv_python"])) == [
        "stray: is installed at 1 and not locked"
    ]
    other = answer(installed=[["opencv-python", "5"]], brought=["opencv-python"])
    assert problems(other) == ["opencv-python: is locked at 4, installed at 5"]
