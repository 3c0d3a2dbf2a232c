import os

open("file", "w").close()
os.mkdir("folder")
os.symlink("file", "link")
os.mkfifo("fifo")
os.chmod("file", 0o6751)
print(oct(os.umask(0o077)))
open("private", "w").close()
os.makedirs("deep/er")
