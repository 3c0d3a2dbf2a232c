import argparse

parser = argparse.ArgumentParser(description="d")
parser.add_argument("number", type=int)
parser.parse_args()
