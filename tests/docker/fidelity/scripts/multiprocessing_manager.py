import multiprocessing
from multiprocessing import shared_memory


def fill(shared, lock, value):
    with lock:
        shared["key"] = shared.get("key", 0) + 1
        value.value += 1


if __name__ == "__main__":
    with multiprocessing.Manager() as manager:
        shared, lock, value = manager.dict(), manager.Lock(), multiprocessing.Value("i", 0)
        made = [multiprocessing.Process(target=fill, args=(shared, lock, value)) for _ in range(2)]
        for process in made:
            process.start()
        for process in made:
            process.join()
        print(shared, value.value)
    memory = shared_memory.SharedMemory(create=True, size=16)
    memory.buf[:3] = b"abc"
    other = shared_memory.SharedMemory(memory.name)
    print(bytes(other.buf[:3]))
    other.close()
    memory.close()
    memory.unlink()
