"""A grid search: scikit-learn's support vector machine reads 1,797 written digits, and figures show how well.

    $ redux run examples/grid_search.py main
    Choice(penalty=10.0, width=0.01, accuracy=0.957, figures=[File('out/grid.png'), File('out/confusion.png')])

Each point of the grid is a call, so a finer grid runs only the points that are new, and draws again:

    redux run examples/grid_search.py main --penalties '[1, 10, 100, 1000]'

It needs scikit-learn and matplotlib: `pip install 'redux-cache[examples]'`. The tasks that depend on what these two
compute name them in `packages=`, so that another version of them runs the tasks again. Matplotlib wants no two threads
to draw at once: `limits=` sees to that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import cross_val_predict, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from redux import File, task

FOLDS = 3


@dataclass(frozen=True)
class Digits:
    """Images of 8 by 8 pixels, one in a row, and the digit that each of them is."""

    images: np.ndarray
    digits: np.ndarray


@dataclass(frozen=True)
class Point:
    """A point of the grid, with the share of digits that it reads rightly where it has not seen them."""

    penalty: float
    width: float
    accuracy: float


@dataclass(frozen=True)
class Choice:
    """The best point, and the figures."""

    penalty: float
    width: float
    accuracy: float
    figures: list[File]


def model(penalty: float, width: float) -> Pipeline:
    """A machine that has learned nothing yet."""
    return make_pipeline(StandardScaler(), SVC(C=penalty, gamma=width))


@task(packages=["scikit-learn"])
def load() -> Digits:
    """The data set that comes with scikit-learn."""
    images, digits = load_digits(return_X_y=True)
    return Digits(images, digits)


@task(packages=["scikit-learn"])
def evaluate(data: Digits, penalty: float, width: float) -> Point:
    """One point of the grid, by cross-validation."""
    scores = cross_val_score(model(penalty, width), data.images, data.digits, cv=FOLDS)
    return Point(penalty, width, round(float(scores.mean()), 3))


@task
def choose(points: list[Point]) -> Point:
    """The point with the highest accuracy; of equal ones the first."""
    return max(points, key=lambda point: point.accuracy)


@task(packages=["scikit-learn"])
def confuse(data: Digits, point: Point) -> np.ndarray:
    """How often which digit is read as which: rows are what they are, columns what they were read as."""
    read = cross_val_predict(model(point.penalty, point.width), data.images, data.digits, cv=FOLDS)
    return confusion_matrix(data.digits, read)


def save(figure: Figure, path: str) -> File:
    """A figure as a PNG; without the name of the program in it, equal figures are equal bytes."""
    picture = File(path)
    with picture.open("wb") as stream:
        figure.savefig(stream, format="png", metadata={"Software": None})
    return picture


@task(packages=["matplotlib"], limits=["figure"])
def draw_grid(points: list[Point], path: str) -> File:
    """The accuracy of each point as a colour and a number."""
    penalties, widths = (sorted({getattr(point, name) for point in points}) for name in ("penalty", "width"))
    cells = np.full((len(penalties), len(widths)), np.nan)
    middle = np.mean([point.accuracy for point in points])
    figure = Figure(figsize=(5, 4), layout="constrained")
    axes = figure.subplots()
    for point in points:
        row, column = penalties.index(point.penalty), widths.index(point.width)
        cells[row, column] = point.accuracy
        colour = "white" if point.accuracy < middle else "black"
        axes.text(column, row, f"{point.accuracy:.3f}", ha="center", va="center", color=colour)
    axes.imshow(cells, cmap="viridis")
    axes.set_xticks(range(len(widths)), [f"{width:g}" for width in widths])
    axes.set_yticks(range(len(penalties)), [f"{penalty:g}" for penalty in penalties])
    axes.set(xlabel="width (gamma)", ylabel="penalty (C)", title="Digits read rightly")
    return save(figure, path)


@task(packages=["matplotlib"], limits=["figure"])
def draw_confusion(counts: np.ndarray, path: str) -> File:
    """What the best point takes for what; what it reads rightly is left out, for it would outshine the rest."""
    figure = Figure(figsize=(5, 4), layout="constrained")
    axes = figure.subplots()
    shown = axes.imshow(np.where(np.eye(len(counts), dtype=bool), 0, counts), cmap="magma")
    axes.set_xticks(range(len(counts)))
    axes.set_yticks(range(len(counts)))
    axes.set(xlabel="read as", ylabel="is", title="Digits read wrongly")
    figure.colorbar(shown)
    return save(figure, path)


@task
def report(best: Point, figures: list[File]) -> Choice:
    """The best point with the figures."""
    return Choice(best.penalty, best.width, best.accuracy, figures)


@task
def main(penalties: tuple[float, ...] = (1.0, 10.0, 100.0), widths: tuple[float, ...] = (0.001, 0.003, 0.01)) -> Choice:
    """Evaluate every point of the grid, choose, draw."""
    data = load()
    points = [evaluate(data, penalty, width) for penalty in penalties for width in widths]
    best = choose(points)
    confusion = draw_confusion(confuse(data, best), "out/confusion.png")
    return report(best, [draw_grid(points, "out/grid.png"), confusion])
