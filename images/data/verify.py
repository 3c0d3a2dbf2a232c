"""Sales are written and read by each library, drawn, and told apart by a model."""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import seaborn as sns
from scipy import stats
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import train_test_split

random = np.random.default_rng(7)
price = random.uniform(1, 9, 400)
SALES = pd.DataFrame(
    {
        "day": pd.date_range("2026-01-01", periods=400, freq="D", tz="Europe/Oslo"),
        "city": pd.Categorical(random.choice(["Oslo", "Rome"], 400)),
        "price": price,
        "sold": 100 - 8 * price + random.normal(0, 1, 400),
    }
)


def kept(folder: Path) -> None:
    """What pandas writes, Arrow, Polars and pandas read as it was: types, zones, categories."""
    file = folder / "sales.parquet"
    SALES.to_parquet(file, compression="zstd")
    pd.testing.assert_frame_equal(pd.read_parquet(file), SALES)
    assert pq.read_table(file).column("sold").to_pylist() == SALES["sold"].tolist()
    found = pl.scan_parquet(file).group_by("city").agg(pl.col("sold").sum()).collect()
    wanted = SALES.groupby("city", observed=True)["sold"].sum()
    for city, sold in found.rows():
        assert np.isclose(sold, wanted[city])


def sheet(folder: Path) -> None:
    """The same, as a sheet of Excel."""
    file = folder / "sales.xlsx"
    SALES[["price", "sold"]].to_excel(file, index=False)
    pd.testing.assert_frame_equal(pd.read_excel(file), SALES[["price", "sold"]])


def drawn(folder: Path) -> None:
    """A plot that is not empty, without a display."""
    file = folder / "sales.png"
    axes = sns.scatterplot(SALES, x="price", y="sold", hue="city")
    axes.set_title("Sales in Oslo and Rome")
    plt.savefig(file, dpi=100)
    pixels = plt.imread(file)
    assert pixels.shape == (480, 640, 4)
    assert len(np.unique(pixels.reshape(-1, 4), axis=0)) > 20


def learnt() -> None:
    """A model finds what the numbers were made from, and so does a statistic."""
    learn, test = train_test_split(SALES, random_state=7)
    model = LinearRegression().fit(learn[["price"]], learn["sold"])
    assert model.score(test[["price"]], test["sold"]) > 0.99
    slope = stats.linregress(SALES["price"], SALES["sold"]).slope
    assert np.isclose(model.coef_[0], -8, atol=0.1)
    assert np.isclose(slope, -8, atol=0.1)


with tempfile.TemporaryDirectory() as name:
    for prove in (kept, sheet, drawn):
        prove(Path(name))
learnt()
