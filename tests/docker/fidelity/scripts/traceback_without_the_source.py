import os

os.unlink(__file__)
raise ValueError("my source is gone")
