import sys

import beside
import package.inner

print(beside.__file__, beside.__cached__, beside.__name__, beside.WHO)
print(package.__path__, package.inner.VALUE, package.inner.back())
print([name for name in sys.modules if name.startswith(("beside", "package"))])
