import logging
import os
import threading

logging.warning("root")
logging.getLogger("a.b").error("named", exc_info=ValueError("x"))
form = "%(name)s %(filename)s %(lineno)d %(funcName)s %(processName)s %(threadName)s %(pathname)s"
logging.basicConfig(format=form, force=True, level=0)
logging.debug("m")
print(logging.root.handlers, logging.Logger.manager.loggerDict.keys())
logging.captureWarnings(True)
__import__("warnings").warn("captured")
record = logging.makeLogRecord({})
print(record.process == os.getpid(), record.thread == threading.get_ident(), record.relativeCreated < 5000)
