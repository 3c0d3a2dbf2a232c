import multiprocessing
import sys


def square(number):
    if number == 5:
        raise ValueError("five")
    return number * number


if __name__ == "__main__":
    with multiprocessing.get_context(sys.argv[1]).Pool(2) as pool:
        print(pool.map(square, range(5)))
        try:
            pool.apply(square, (5,))
        except ValueError as error:
            print(error, str(error.__cause__).count("Traceback"))
