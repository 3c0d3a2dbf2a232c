def run():
    print("run as main")


if __name__ == "__main__":
    run()
else:
    print("imported as", __name__)
