import asyncio
import contextvars


async def main():
    print(asyncio.current_task().get_name(), type(asyncio.get_running_loop()).__name__)
    print(await asyncio.gather(*(asyncio.sleep(0.01, number) for number in range(3))))
    print(await asyncio.to_thread(sum, range(10)))
    asyncio.get_running_loop().call_exception_handler({"message": "logged"})


print(len(contextvars.copy_context()))
asyncio.run(main())
asyncio.run(asyncio.sleep(0, ValueError("returned")))
