import os
import shutil

shutil.rmtree(os.getcwd())
try:
    os.getcwd()
except FileNotFoundError as error:
    print(error)
raise ValueError("without a folder")
