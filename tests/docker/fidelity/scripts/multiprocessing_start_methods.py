import multiprocessing
import sys


def work(queue, number):
    queue.put((number * 2, __name__))
    print("in the child", __name__, sys.argv[1:], flush=True)


if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    queue = context.Queue()
    process = context.Process(target=work, args=(queue, 21))
    process.start()
    print(queue.get())
    process.join()
    print(process.exitcode, process.name, multiprocessing.get_start_method())
    print(multiprocessing.parent_process(), multiprocessing.current_process().name)
