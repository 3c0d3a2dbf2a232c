exec(compile("def f():\n    raise ValueError('in exec')\n", "<made>", "exec"))
try:
    eval("1 +")
except SyntaxError:
    import traceback

    traceback.print_exc()
eval("f()")
