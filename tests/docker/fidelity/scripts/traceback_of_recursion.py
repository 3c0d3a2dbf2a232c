def again(number):
    return again(number + 1) + 1


again(0)
