print("before")
raise ValueError("a message with é and\ntwo lines")
