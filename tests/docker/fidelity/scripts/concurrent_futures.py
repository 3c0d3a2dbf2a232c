import concurrent.futures
import os


def work(number):
    return number + 1, os.getpid()


if __name__ == "__main__":
    for kind in (concurrent.futures.ThreadPoolExecutor, concurrent.futures.ProcessPoolExecutor):
        with kind(2) as pool:
            found = list(pool.map(work, range(4)))
            print([number for number, _ in found], {pid for _, pid in found} == {os.getpid()})
    pool = concurrent.futures.ThreadPoolExecutor(1)
    pool.submit(print, "never shut down")
