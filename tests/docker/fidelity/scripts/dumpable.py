import ctypes
import os

print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), ctypes.CDLL(None).prctl(37, ctypes.byref(ctypes.c_int())))
for number in (1, 2, 11, 23, 27, 38, 39):
    print(number, ctypes.CDLL(None).prctl(number, 0, 0, 0, 0) if number != 1 else "")
death = ctypes.c_int(77)
print(ctypes.CDLL(None).prctl(2, ctypes.byref(death), 0, 0, 0), death.value)
subreaper = ctypes.c_int(77)
print(ctypes.CDLL(None).prctl(37, ctypes.byref(subreaper), 0, 0, 0), subreaper.value)
print(os.stat("/proc/self/mem").st_uid == os.getuid(), os.listdir("/proc/self/fd") != [])
