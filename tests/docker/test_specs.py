"""An image.toml, built: everything that it says is so in the image, or there is no image."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.docker.conftest import Cli, images_of
from toolkit import CodeBlock, DockerCommandLineCodeExecutor, labels
from toolkit.container import ContainerOptions
from toolkit.engine import Engine
from toolkit.lifecycle import ContainerManager

pytestmark = pytest.mark.docker

SPEC = """\
name = "{name}"
description = "What the tests of specs use"
deps = ["requirements.txt"]
user = "1234:2345"
workdir = "/srv/app/here"
verify = ["touch made && test ! -w /etc/motd", {{ file = "verify.py" }}]

[environment]
FROM_FILE = "file"
FROM_BOTH = "file"

[files]
"/etc/motd" = "motd"
"/usr/local/bin/hello" = {{ source = "sub/hello.sh", mode = "0755" }}
"/srv/secret" = {{ source = "motd", mode = "0600" }}
"""


@pytest.fixture
def project(cli: Cli, name: str) -> Cli:
    """A folder with such a file, and all that it names."""
    cli.write(cli.wheel("tk_plain"))
    cli.write("welcome", file="motd")
    cli.write("#!/bin/sh", "echo hello", file="sub/hello.sh")
    cli.write("import os, tk_plain", "assert os.getcwd() == '/srv/app/here'", file="verify.py")
    cli.write(SPEC.format(name=name), file="image.toml")
    return cli


def inspected(engine: Engine, image: str) -> dict[str, Any]:
    found = engine.inspect_image(image.strip())
    assert found is not None
    return found


def said(engine: Engine, image: str, script: str) -> str:
    """What a shell in the image says, as root, who may read everything."""
    options = ContainerOptions(image=image.strip(), network="none", user="0:0", role="probe")
    with ContainerManager(engine) as manager:
        return manager.start(options).run(["sh", "-c", script], merged=True).stdout.decode()


def test_everything_that_a_file_says_is_so(project: Cli, name: str, first_engine: Engine) -> None:
    built = project("build-image", "--spec", "image.toml", "--env", "FROM_BOTH=option")
    assert built.code == 0, built.stderr
    assert built.stdout.startswith(f"toolkit/{name}:")
    config = inspected(first_engine, built.stdout)["Config"]
    assert (config["User"], config["WorkingDir"]) == ("1234:2345", "/srv/app/here")
    assert {"FROM_FILE=file", "FROM_BOTH=option"} <= set(config["Env"])
    assert config["Labels"][labels.DESCRIPTION] == "What the tests of specs use"
    files = "/etc/motd /usr/local/bin/hello /srv/secret /srv/app/here"
    assert said(
        first_engine, built.stdout, f"stat -c '%a %u %n' {files}; hello; cat /etc/motd"
    ) == (
        "644 0 /etc/motd\n"
        "755 0 /usr/local/bin/hello\n"
        "600 0 /srv/secret\n"
        "1777 0 /srv/app/here\n"
        "hello\n"
        "welcome\n"
    )
    again = project("build-image", "--spec", "image.toml", "--env", "FROM_BOTH=option")
    assert (again.stdout, "nothing to do" in again.stderr) == (built.stdout, True)


def test_blocks_start_in_the_work_dir_whatever_folder_the_image_has(
    project: Cli, tmp_path: Path
) -> None:
    """What they write is to be found there; the image's own folder is reached by its path."""
    built = project("build-image", "--spec", "image.toml")
    code = "import os; print(os.getcwd()); open('/srv/app/here/x', 'w'); open('made', 'w')"
    plain = project("run", "--image", built.stdout.strip(), "-c", "import os; print(os.getcwd())")
    assert (plain.code, plain.stdout) == (0, "/workspace\n")
    with DockerCommandLineCodeExecutor(built.stdout.strip(), work_dir=tmp_path / "own") as executor:
        result = executor.execute_code_blocks([CodeBlock(code, "python")])
    assert (result.exit_code, result.output) == (0, "/workspace\n")
    assert (tmp_path / "own" / "made").exists()


def test_what_a_file_names_is_in_the_digest(project: Cli) -> None:
    """A file's bytes, its mode, and what is proven: each makes another image."""

    def rendered() -> str:
        shown = project("build-image", "--spec", "image.toml", "--json")
        return str(json.loads(shown.stdout)["digest"])

    before = [rendered()]
    for old, new, file in (
        ("welcome", "farewell", "motd"),
        ("0600", "0640", "image.toml"),
        ("import os,", "import sys, os,", "verify.py"),
    ):
        text = (project.folder / file).read_text()
        (project.folder / file).write_text(text.replace(old, new))
        before.append(rendered())
    assert len(set(before)) == 4


def test_an_image_that_does_not_do_what_is_to_be_proven_is_none(
    project: Cli, name: str, first_engine: Engine
) -> None:
    project.write("import sys", "sys.exit('it is not so')", file="verify.py")
    answer = project("build-image", "--spec", "image.toml")
    error, hint = answer.refused(6)
    assert error == "the image was built and does not work"
    assert "  verify 'verify.py': exit code 1: it is not so\n" in answer.stderr
    assert hint == "mend the image, or the command that is to prove it"
    assert images_of(first_engine, name) == []
    unproven = project("build-image", "--spec", "image.toml", "--no-verify")
    assert unproven.code == 0, unproven.stderr


def test_what_cannot_be_forked_is_preloaded_by_no_image(
    project: Cli, name: str, first_engine: Engine
) -> None:
    """It can be imported, and no executor could start with it: that is told by the build."""
    thread = "import threading as t\nt.Thread(target=t.Event().wait, daemon=True).start()\n"
    project.write(project.wheel("tk_thread", {"tk_thread.py": thread}))
    wanted = (f'name = "{name}"', 'deps = ["requirements.txt"]', 'preload = ["tk_thread"]')
    project.write(*wanted, file="image.toml")
    answer = project("build-image", "--spec", "image.toml")
    error, hint = answer.refused(6)
    words = "preload: module 'tk_thread' leaves a thread running, which a fork would lose"
    assert error == "the image was built and does not work"
    assert f"  {words}\n" in answer.stderr
    assert hint == "take the module out of preload, or have it start no thread"
    assert images_of(first_engine, name) == []


def test_what_a_file_preloads_is_imported_before_the_first_block(project: Cli, name: str) -> None:
    """Where the executor says nothing else; in the image it has been imported once, as a proof."""
    code = "import sys; print('tk_plain' in sys.modules, 'decimal' in sys.modules)"
    wanted = (f'name = "{name}"', 'deps = ["requirements.txt"]', 'preload = ["tk_plain"]')
    project.write(*wanted, file="image.toml")
    built = project("build-image", "--spec", "image.toml")
    assert built.code == 0, built.stderr

    def said(**options: Any) -> str:  # noqa: ANN401 - the executor's own
        with DockerCommandLineCodeExecutor(
            image=built.stdout.strip(), work_dir=project.folder, **options
        ) as executor:
            return executor.execute_code_blocks([CodeBlock(language="python", code=code)]).output

    assert said() == "True False\n"
    assert said(preload=("decimal",)) == "False True\n"
    assert said(isolation="spawn") == "False False\n"


def test_what_cannot_be_preloaded_is_no_image(project: Cli) -> None:
    project.write('deps = ["requirements.txt"]', 'preload = ["tk_absent"]', file="image.toml")
    answer = project("build-image", "--spec", "image.toml")
    answer.refused(6)
    said = "  verify 'preload': exit code 1: ModuleNotFoundError: No module named 'tk_absent'\n"
    assert said in answer.stderr


def test_a_secret_that_is_named_must_be_given(project: Cli) -> None:
    project.write('deps = ["requirements.txt"]', 'secrets = ["mine"]', file="image.toml")
    assert project("build-image", "--spec", "image.toml").refused(3) == (
        "the secret mine, without which the image is not built, is not given",
        "give it with --secret id=mine,src=FILE",
    )


def test_a_base_for_another_platform_is_refused(project: Cli, base_image: str) -> None:
    """Before anything is built."""
    command = ("build-image", "--deps", "requirements.txt", "--platform", "linux/s390x")
    error, _ = project(*command).refused(6)
    assert error.startswith(f"the base image {base_image} is for linux/")
    assert error.endswith(", and linux/s390x was asked for")


def test_a_folder_that_stays_closed_is_told(project: Cli) -> None:
    """One that the base has already, and that is not for everybody."""
    error, _ = project("build-image", "--spec", "image.toml", "--workdir", "/root").refused(6)
    assert error == "the image was built and does not work"


def test_init_show_and_build_go_together(project: Cli, name: str) -> None:
    """What `init` writes is what `show` shows and `build-image` builds."""
    made = project("init", "-o", "sub/image.toml", "--deps", "requirements.txt", "--name", name)
    assert (made.code, made.stdout) == (0, "sub/image.toml\n")
    shown = project("spec", "show", "--spec", "sub/image.toml")
    assert f'name = "{name}"' in shown.stdout
    by_flags = project("build-image", "--deps", "requirements.txt", "--name", name)
    by_file = project("build-image", "--spec", "sub/image.toml")
    assert by_file.stdout == by_flags.stdout
    assert "nothing to do" in by_file.stderr
