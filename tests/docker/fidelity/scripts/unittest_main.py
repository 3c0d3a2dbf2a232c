import sys
import unittest


class Stream:
    def write(self, text):
        sys.__stdout__.write("Ran\n" if text.startswith("Ran ") else text)

    def flush(self):
        sys.__stdout__.flush()


class Test(unittest.TestCase):
    def test_equal(self):
        self.assertEqual(1, 2)

    def test_passes(self):
        with self.assertRaises(KeyError):
            {}["x"]


sys.stderr = Stream()
unittest.main()
