"""Install packages of conda's into a prefix: solve once, unpack, link. Nothing of them is run.

`conda.py WISHES CACHE PREFIX`, with rattler on the path. WISHES is a JSON file of `channels` and
`packages`. What was chosen is recorded in the prefix, in conda-meta, as conda does itself. Any
Python from 3.10 runs this.
"""

import asyncio
import json
import os
import sys

import rattler


async def install(wishes, cache, prefix):
    client = rattler.Client([rattler.networking.AuthenticationMiddleware()])
    records = await rattler.solve(
        wishes["channels"],
        [rattler.MatchSpec(text, strict=False) for text in wishes["packages"]],
        gateway=rattler.Gateway(cache_dir=cache, client=client),
        platforms=[str(rattler.Platform.current()), "noarch"],
        virtual_packages=rattler.VirtualPackage.detect(),
    )
    await rattler.install(
        records,
        prefix,
        cache_dir=os.path.join(cache, "pkgs"),
        show_progress=False,
        execute_link_scripts=False,
        client=client,
    )


def main(path, cache, prefix):
    with open(path, encoding="utf-8") as file:
        wishes = json.load(file)
    code = 0
    try:
        asyncio.run(install(wishes, cache, prefix))
    except Exception as error:
        code = 1
        print("toolkit: conda: %s" % error, file=sys.stderr, flush=True)
    # Not an ordinary end: rattler's threads may still hand on an answer, and Python aborts then.
    os._exit(code)


main(*sys.argv[1:])
