"""What CI must not lose: pinned actions, tokens without rights, every Python, job and image."""

from __future__ import annotations

import re
import tomllib

import pytest
import yaml

from tests.packaging.conftest import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
CI = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
IMAGES = yaml.safe_load((ROOT / ".github" / "workflows" / "images.yml").read_text(encoding="utf-8"))
USES = re.compile(r"^ *(?:- )?uses: *(.*)$", re.MULTILINE)
PINNED = re.compile(r"[\w-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
JOB = re.compile(r"^  (\w+):$", re.MULTILINE)


def uses() -> list[str]:
    return [used for path in WORKFLOWS for used in USES.findall(path.read_text(encoding="utf-8"))]


def jobs() -> list[str]:
    return JOB.findall(CI.partition("\njobs:\n")[2])


def test_every_action_is_pinned_by_its_commit() -> None:
    """A tag can be moved; the comment says which version it was."""
    assert uses()
    assert [used for used in uses() if not PINNED.fullmatch(used)] == []


def test_an_action_has_one_pin() -> None:
    """An upgrade reaches every job."""
    assert len({used.partition("@")[0] for used in uses()}) == len(set(uses()))


@pytest.mark.parametrize("text", ["actions/checkout@v7", "actions/checkout@3d3c42e # v7.0.1"])
def test_a_tag_or_a_short_commit_is_not_a_pin(text: str) -> None:
    """The check above can fail."""
    assert not PINNED.fullmatch(text)


def test_only_what_pushes_images_has_a_permission() -> None:
    """And nobody can have that run by a pull request."""
    rights = {}
    for path in WORKFLOWS:
        workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert workflow["permissions"] == {}, path.name
        for name, job in workflow["jobs"].items():
            if "permissions" in job:
                rights[path.name, name] = job["permissions"]
    assert rights == {("images.yml", "push"): {"packages": "write"}}
    condition = IMAGES["jobs"]["push"]["if"].split(" && ")
    assert condition[0] == "github.event_name == 'push'"
    assert condition[1] == "(github.ref == 'refs/heads/main' || github.ref_type == 'tag')"
    assert "pull_request_target" not in IMAGES[True]  # YAML's `on`


def test_no_checkout_keeps_the_token() -> None:
    """What the tests run could read it from .git/config."""
    checkouts = [used for used in uses() if used.startswith("actions/checkout@")]
    texts = [path.read_text(encoding="utf-8") for path in WORKFLOWS]
    kept = sum(text.count("persist-credentials: false") for text in texts)
    assert kept == len(checkouts) > 0


@pytest.mark.parametrize("job", ["build", "push"])
def test_every_image_of_the_catalogue_is_built_and_pushed(job: str) -> None:
    """Each in a job of its own; one that fails stops no other."""
    folders = sorted(path.parent.name for path in ROOT.glob("images/*/image.toml"))
    strategy = IMAGES["jobs"][job]["strategy"]
    assert strategy == {"fail-fast": False, "matrix": {"image": folders}}


def test_an_image_is_verified_wherever_it_is_built() -> None:
    """By the command that users have; what is pushed was built from its lock, too."""
    builds = {
        name: [step["run"] for step in job["steps"] if "build-image" in step.get("run", "")]
        for name, job in IMAGES["jobs"].items()
    }
    plain = '.venv/bin/toolkit build-image "$IMAGE" --locked'
    assert builds == {
        "build": [plain],
        "push": [f'{plain} --registry "ghcr.io/${{GITHUB_REPOSITORY,,}}" --push'],
    }


def test_only_the_log_in_sees_the_token() -> None:
    text = (ROOT / ".github" / "workflows" / "images.yml").read_text(encoding="utf-8")
    (holder,) = [step for step in IMAGES["jobs"]["push"]["steps"] if "TOKEN" in step.get("env", {})]
    assert holder["run"].startswith("printenv TOKEN | docker login ghcr.io ")
    assert text.count("secrets.") == 1


def test_a_push_cancels_the_run_before_it() -> None:
    assert "\nconcurrency:\n" in CI
    assert "  cancel-in-progress: true\n" in CI


def test_the_unit_tests_run_on_every_python_that_is_promised() -> None:
    """The classifiers are the promise."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    prefix = "Programming Language :: Python :: "
    promised = [text.removeprefix(prefix) for text in project["classifiers"] if prefix in text]
    (matrix,) = re.findall(r"^ *python: \[(.*)\]$", CI, re.MULTILINE)
    assert re.findall(r'"([\d.]+)"', matrix) == promised


def test_the_wheel_is_tested_without_the_sources() -> None:
    """Or templates that are missing from it would be found in the checkout."""
    removed = CI.index("rm -rf toolkit templates images")
    assert CI.index("-m build") < removed < CI.index("dist/*.whl")


def test_one_job_requires_all_others() -> None:
    """A branch is protected by one name; a job that was skipped is not a success."""
    *others, last = jobs()
    assert last == "required"
    assert f"needs: [{', '.join(others)}]" in CI
    assert f'"{" ".join(["success"] * len(others))}"' in CI
