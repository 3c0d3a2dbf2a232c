import code
import sys

sys.displayhook(None)
sys.displayhook(42)
print(_)
exec(compile("6 * 7", "<input>", "single"))
code.interact(banner="hello", local={"x": 1}, exitmsg="bye")
