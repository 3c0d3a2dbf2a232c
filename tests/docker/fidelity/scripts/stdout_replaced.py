import io
import sys

mine = sys.stdout = io.StringIO()
print("caught")
sys.__stdout__.write(f"original {mine.getvalue()!r}\n")
sys.stdout = open("log", "w")
print("in the log")
sys.stderr = sys.__stdout__
raise ValueError("on stdout")
