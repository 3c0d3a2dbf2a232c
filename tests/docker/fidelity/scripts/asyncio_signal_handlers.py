import asyncio
import os
import signal


async def main():
    loop, seen = asyncio.get_running_loop(), asyncio.Event()
    for name in ("SIGTERM", "SIGUSR1"):
        loop.add_signal_handler(getattr(signal, name), lambda name=name: (print(name), seen.set()))
        os.kill(os.getpid(), getattr(signal, name))
        await asyncio.wait_for(seen.wait(), 5)
        seen.clear()
    loop.call_later(0.01, os.kill, os.getpid(), signal.SIGINT)
    try:
        await asyncio.sleep(5)
    finally:
        print("cancelled")


asyncio.run(main())
