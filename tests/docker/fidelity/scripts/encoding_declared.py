# -*- coding: utf-8 -*-
print("é", __file__)
print(open(__file__, encoding="utf-8").read())
