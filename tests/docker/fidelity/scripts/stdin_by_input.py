try:
    while True:
        print(repr(input("prompt> ")))
except EOFError as error:
    print(repr(error))
input("uncaught: ")
