import os
import signal
import time

for act in (os.wait, lambda: os.waitpid(-1, os.WNOHANG), lambda: os.waitpid(1, 0)):
    try:
        print(act())
    except ChildProcessError as error:
        print(error)
children = [os.fork() or os._exit(number) for number in (5, 6, 7)]
print(sorted(os.waitstatus_to_exitcode(os.wait()[1]) for _ in children))
child = os.fork() or signal.pause()
print(os.waitpid(child, os.WNOHANG))
os.kill(child, signal.SIGKILL)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
print(os.times().children_user < 5)
