import sys

sys.stdout.reconfigure(line_buffering=True, errors="backslashreplace", newline="\r\n")
print("lone \udc80 surrogate")
sys.stdout.reconfigure(encoding="latin-1")
print("é")
sys.stdout.detach().write(b"detached\n")
