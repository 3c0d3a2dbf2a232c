"""A block that uses what images/demo/requirements.txt asks for."""

import sys

import numpy as np
import pandas as pd
import requests

sales = pd.DataFrame({"city": ["Oslo", "Rome", "Oslo", "Rome"], "sold": np.arange(1, 5) * 10})
print(sales.groupby("city")["sold"].sum().to_string())
print(
    f"Python {sys.version.split()[0]} with numpy {np.__version__}, pandas {pd.__version__}, "
    f"requests {requests.__version__}"
)
