import warnings

warnings.simplefilter("always")


async def never():
    pass


def leak():
    open("/dev/null")


never()
leak()
print("end")
