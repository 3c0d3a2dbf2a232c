from setuptools import Extension, setup

setup(ext_modules=[Extension("tk_fast", ["fast.c"])])
