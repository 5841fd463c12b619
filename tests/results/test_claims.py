import numpy as np
import pytest

from impo.results.claims import density_matrix_claims
from impo.results.estimate import Status


def hermitian(skew, error):
    rho = np.array([[0.5, skew], [0.0, 0.5]])
    claims = density_matrix_claims([rho], error, Status.CONVERGED)
    return next(claim for claim in claims if claim.name == "Hermitian")


@pytest.mark.parametrize(
    ("skew", "error", "good"),
    [
        (1e-7, 1e-3, True), (1e-7, 1e-5, True), (1e-3, 1e-5, False), (1e-7, 0.0, False),
        (1e-9, 0.0, True), (1e-7, np.nan, False), (np.nan, 1e-3, False),
    ],
)  # fmt: skip
def test_a_truncated_matrix_is_hermitian_as_far_as_it_is_accurate(skew, error, good):
    assert hermitian(skew, error).good is good
