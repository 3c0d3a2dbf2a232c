"""What pip makes of requirements files, a line at a time: run with pip's wheel on PYTHONPATH.

Hidden here: pip's own functions, which are private and so are those of one version. Each line is
parsed by itself, so that one that pip refuses does not keep the others from being read.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

req_file: Any = importlib.import_module("pip._internal.req.req_file")
constructors: Any = importlib.import_module("pip._internal.req.constructors")
exceptions: Any = importlib.import_module("pip._internal.exceptions")
pip: Any = importlib.import_module("pip")

_OPTIONS: Final = {
    "index_url": "index-url",
    "extra_index_urls": "extra-index-url",
    "find_links": "find-links",
    "no_index": "no-index",
    "trusted_hosts": "trusted-host",
    "require_hashes": "require-hashes",
    "prefer_binary": "prefer-binary",
    "features_enabled": "use-feature",
    "pre": "pre",
}


def lines(file: str) -> Iterator[dict[str, Any]]:
    """Yield what each logical line of a file is."""
    try:
        content = req_file._decode_req_file(Path(file).read_bytes(), file)
    except UnicodeError as error:
        yield {"line": 0, "text": "", "error": str(error)}
        return
    for number, text in req_file.preprocess(content):
        yield {"line": number, "text": text, **_meaning(file, number, text)}


def closure(file: str) -> Iterator[dict[str, Any]]:
    """Yield every requirement of a file and of what it includes, as pip installs it."""
    parser = req_file.RequirementsFileParser(None, req_file.get_line_parser(None))
    for line in parser.parse(file, constraint=False):
        if line.requirement is not None:
            yield {"constraint": line.constraint, **_requirement(line)}


def _meaning(file: str, number: int, text: str) -> dict[str, Any]:
    try:
        arguments, options = req_file.get_line_parser(None)(text)
        line = req_file.ParsedLine(file, number, arguments, options, False)
        if line.requirement is not None:
            return _requirement(line)
    except (exceptions.PipError, req_file.OptionParsingError) as error:
        return {"error": str(error)}
    if options.requirements or options.constraints:
        return {
            "include": (options.requirements or options.constraints)[0],
            "constraint": not options.requirements,
        }
    given = {ours: getattr(options, theirs) for theirs, ours in _OPTIONS.items()}
    given["no-binary"] = ",".join(sorted(options.format_control.no_binary))
    given["only-binary"] = ",".join(sorted(options.format_control.only_binary))
    return {"options": {name: value for name, value in given.items() if value}}


def _requirement(line: Any) -> dict[str, Any]:  # noqa: ANN401 - pip's
    wanted = constructors.install_req_from_parsed_requirement(
        req_file.handle_requirement_line(line), isolated=True
    )
    link = wanted.link
    return {
        "name": wanted.name,
        "extras": sorted(wanted.extras),
        "specifier": "" if wanted.req is None else str(wanted.req.specifier),
        "marker": "" if wanted.markers is None else str(wanted.markers),
        "url": None if link is None else link.url,
        "is_file": link is not None and link.is_file,
        "hashes": sorted(
            f"{name}:{one}" for name, all_ in wanted.hash_options.items() for one in all_
        ),
        "editable": wanted.editable,
    }


def main() -> None:
    """Answer for each file named behind the kind of question."""
    kind, *files = sys.argv[1:]
    ask = lines if kind == "lines" else closure
    print(json.dumps({"pip": pip.__version__, "files": {each: list(ask(each)) for each in files}}))  # noqa: T201 - a program


if __name__ == "__main__":
    main()
