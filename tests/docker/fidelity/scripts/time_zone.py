import os
import time

print(time.tzname, time.timezone, time.localtime(0))
os.environ["TZ"] = "UTC+3"
time.tzset()
print(time.tzname, time.localtime(0).tm_hour)
