import ctypes
import sqlite3
import ssl
import zlib

print(sqlite3.connect(":memory:").execute("select 1 + 1").fetchone())
print(ctypes.CDLL(None).getpid() == __import__("os").getpid(), zlib.crc32(b"x"))
print(ssl.create_default_context().verify_mode, len(ssl.RAND_bytes(4)))
print(ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 7)())
