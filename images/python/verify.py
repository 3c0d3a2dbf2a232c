"""What a bare Python must be able to do: the parts of it that distributions leave out."""

import bz2
import ctypes
import lzma
import sqlite3
import ssl
import subprocess
import sys
import unicodedata
import zlib
from pathlib import Path
from tempfile import TemporaryDirectory

with TemporaryDirectory() as folder:
    with sqlite3.connect(Path(folder, "sales.db")) as database:
        database.execute("CREATE TABLE sales (city TEXT, sold INTEGER)")
        database.executemany("INSERT INTO sales VALUES (?, ?)", [("Oslo", 10), ("Oslo", 30)])
        (total,) = database.execute("SELECT sum(sold) FROM sales").fetchone()
    assert total == 40

data = "ünïcödé ".encode() * 1000
for compressor in (bz2, lzma, zlib):
    assert compressor.decompress(compressor.compress(data)) == data
assert unicodedata.name("ü") == "LATIN SMALL LETTER U WITH DIAERESIS"
assert ctypes.CDLL(None).abs(-3) == 3
ssl.create_default_context()
subprocess.run([sys.executable, "-m", "pip", "--version"], check=True, stdout=subprocess.DEVNULL)
