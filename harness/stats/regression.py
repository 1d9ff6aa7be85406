"""Weighted least-squares fit of a polynomial, with the standard error of each coefficient.

Source: N. R. Draper and H. Smith, "Applied regression analysis", 3rd edition 1998, section 9.2 (weighted least
squares) and section 5.1 (the covariance of the coefficients, s^2 (X' W X)^-1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.stats.proportions import LEVEL, Interval
from harness.stats.suites import t_quantile


@dataclass(frozen=True, slots=True)
class PolynomialFit:
    """Coefficients by ascending power, their standard errors, and the residual degrees of freedom."""

    coefficients: tuple[float, ...]
    standard_errors: tuple[float, ...]
    degrees_of_freedom: int

    def interval(self, power: int, level: float = LEVEL) -> Interval | None:
        """Student's interval of one coefficient; None without residual degrees of freedom."""
        if self.degrees_of_freedom < 1:
            return None
        half = t_quantile(self.degrees_of_freedom, level) * self.standard_errors[power]
        return Interval(self.coefficients[power] - half, self.coefficients[power] + half)

    def predict(self, x: float) -> float:
        """The fitted value at x."""
        return sum(coefficient * x**power for power, coefficient in enumerate(self.coefficients))


def fit_polynomial(
    xs: Sequence[float], ys: Sequence[float], weights: Sequence[float], degree: int = 1
) -> PolynomialFit:
    """Minimize the weighted sum of squared residuals of y on x, a polynomial of this degree."""
    import numpy as np

    # Powers of 32,000 tokens span nine decades and ruin the condition of X' W X: fit x in units of its maximum.
    unit = max(xs)
    design = np.vander(np.asarray(xs, dtype=float) / unit, degree + 1, increasing=True)
    observed, weight = np.asarray(ys, dtype=float), np.asarray(weights, dtype=float)
    covariance = np.linalg.inv(design.T @ (weight[:, None] * design))
    coefficients = covariance @ (design.T @ (weight * observed))
    residuals = observed - design @ coefficients
    degrees_of_freedom = len(xs) - degree - 1
    residual_variance = float(weight @ residuals**2) / degrees_of_freedom if degrees_of_freedom > 0 else 0.0
    standard_errors = np.sqrt(residual_variance * np.diag(covariance))
    scale = unit ** np.arange(degree + 1)
    return PolynomialFit(
        tuple(map(float, coefficients / scale)), tuple(map(float, standard_errors / scale)), degrees_of_freedom
    )
