exec("\n".join(f"v{number} = {number}" for number in range(20_000)))
print(v19999, len(globals()) > 20_000)
namespace = {}
exec("def f():\n" + "    pass\n" * 5000 + "    return __name__", globals(), namespace)
print(namespace["f"]())
