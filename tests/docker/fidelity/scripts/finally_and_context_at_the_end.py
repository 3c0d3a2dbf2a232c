import contextlib
import time


@contextlib.contextmanager
def managed():
    print("enter")
    try:
        yield
    finally:
        print("leave")


with managed(), contextlib.suppress(KeyError):
    started = time.monotonic()
    {}["x"]
stack = contextlib.ExitStack()
stack.enter_context(managed())
raise SystemExit(2)
