import os
import subprocess
import sys

print(subprocess.run("echo a; echo b >&2; exit 4", shell=True, capture_output=True))
print(subprocess.run([sys.executable, "-c", "import sys; print(sys.argv, sys.path)", "x"],
                     capture_output=True, text=True))
print(os.system("exit 5"), os.popen("echo popen").read())
print(os.waitstatus_to_exitcode(os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)[1]))
print(subprocess.run(["cat"], input=b"fed", capture_output=True, preexec_fn=os.getpid))
print(subprocess.Popen(["sh", "-c", "kill -9 $$"]).wait())
try:
    subprocess.run(["sleep", "5"], timeout=0.05)
except subprocess.TimeoutExpired as error:
    print(str(error)[:45])
subprocess.run(["no-such-program"])
