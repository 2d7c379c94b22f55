"""A grid search: ridge regression with polynomials, every degree with every penalty, and a picture of the errors.

    $ redux run examples/grid_search.py main
    {'degree': 5, 'penalty': 0.01, 'error': 0.18, 'picture': File('out/grid.svg')}

Each point of the grid is a call, so a finer grid runs only the points that are new:

    redux run examples/grid_search.py main --penalties '[0.001, 0.01, 0.1, 1]'
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from redux import File, task

FOLDS = 5
CELL = 70


@dataclass(frozen=True)
class Data:
    """Measured points: where, and how high."""

    x: np.ndarray
    y: np.ndarray


@dataclass(frozen=True)
class Point:
    """A point of the grid, with its error: the root of the mean square over points that the fit has not seen."""

    degree: int
    penalty: float
    error: float


def powers(x: np.ndarray, degree: int) -> np.ndarray:
    """One column for each power of x from 0 on."""
    return np.vander(x, degree + 1, increasing=True)


def fit(x: np.ndarray, y: np.ndarray, degree: int, penalty: float) -> np.ndarray:
    """The coefficients of a polynomial; the higher the penalty, the smaller they are."""
    columns = powers(x, degree)
    return np.linalg.solve(columns.T @ columns + penalty * np.eye(degree + 1), columns.T @ y)


@task
def measure(count: int, seed: int) -> Data:
    """Noisy points of a curve. The seed is an argument: chance that nobody passes in would be remembered."""
    random = np.random.default_rng(seed)
    x = random.uniform(-1, 1, count)
    return Data(x, np.sin(3 * x) + 0.5 * x**2 + random.normal(0, 0.2, count))


@task
def evaluate(data: Data, degree: int, penalty: float) -> Point:
    """The error of one point of the grid, by cross-validation."""
    fold = np.arange(len(data.x)) % FOLDS
    errors = np.empty(len(data.x))
    for left_out in range(FOLDS):
        seen, unseen = fold != left_out, fold == left_out
        coefficients = fit(data.x[seen], data.y[seen], degree, penalty)
        errors[unseen] = powers(data.x[unseen], degree) @ coefficients - data.y[unseen]
    return Point(degree, penalty, float(np.sqrt(np.mean(errors**2))))


@task
def draw(points: list[Point], path: str) -> File:
    """The grid as a picture: the darker, the smaller the error."""
    degrees, penalties = (sorted({getattr(point, name) for point in points}) for name in ("degree", "penalty"))
    low, high = min(point.error for point in points), max(point.error for point in points)
    cells = []
    for point in points:
        left, top = degrees.index(point.degree) * CELL, penalties.index(point.penalty) * CELL
        light = round(90 * (point.error - low) / (high - low or 1))
        title = f"degree {point.degree}, penalty {point.penalty:g}: {point.error:.3f}"
        place = f'x="{left}" y="{top}" width="{CELL}" height="{CELL}" fill="hsl(210 60% {light}%)"'
        cells.append(f"  <rect {place}><title>{title}</title></rect>\n")
    size = f'width="{len(degrees) * CELL}" height="{len(penalties) * CELL}"'
    picture = File(path)
    picture.write(f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n{"".join(cells)}</svg>\n')
    return picture


@task
def choose(points: list[Point], picture: File) -> dict[str, object]:
    """The point with the smallest error."""
    best = min(points, key=lambda point: point.error)
    return {"degree": best.degree, "penalty": best.penalty, "error": round(best.error, 3), "picture": picture}


@task
def main(degrees: tuple[int, ...] = (1, 3, 5, 9), penalties: tuple[float, ...] = (0.01, 0.1, 1.0)) -> dict[str, object]:
    """Measure, evaluate every point of the grid, draw, choose."""
    data = measure(60, seed=7)
    points = [evaluate(data, degree, penalty) for degree in degrees for penalty in penalties]
    return choose(points, draw(points, "out/grid.svg"))
