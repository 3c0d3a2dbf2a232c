import asyncio
import sys


async def main():
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "print(input()[::-1])", stdin=pipe, stdout=pipe
    )
    print(await process.communicate(b"abc"), process.returncode)
    shell = await asyncio.create_subprocess_shell("echo from the shell; exit 3")
    print(await shell.wait())


asyncio.run(main())
