"""What a state tells of products of local operators: expectations, strings, and currents."""

from collections.abc import Sequence
from typing import Any

from impo.arguments import fail
from impo.arrays import Array
from impo.model import LindbladModel, Place
from impo.results.estimate import Estimate
from impo.results.products import (
    Bond,
    Operator,
    Product,
    is_product,
    known_matrix,
    known_product,
)
from impo.results.questions import known_operator


class Expectations:
    """A state of which expectations can be asked; a method overrides those with the underscore."""

    model: LindbladModel

    def expect(self, op: Any, *others: Any) -> Estimate | None:
        """Return the expectation of an operator, of a product of operators, or of a matrix.

        `expect("Sz")`: <Sz> on every site of the unit cell. `expect(("Sz", 0, 0), ("S+", 1, 2))`:
        <Sz_{site 0, cell 0} S+_{site 1, cell 2}>. `expect(matrix, [(0, 0), (1, 0)])`: Tr(rho M) of
        a matrix M on these places, in the order of states of `density_matrix`.

        Parameters
        ----------
        op
            Name of a local operator, such as "Sz"; a factor (operator, site, cell) with the name or
            the matrix of a local operator; or a matrix.
        *others
            Nothing after a name; further factors, of which those on one site multiply from left to
            right; or (site, cell) pairs after a matrix.

        Returns
        -------
        Estimate or None
            Of a name: shape (sites,), the sites of the unit cell that have the operator; raw, not
            divided by S. Else one number, complex unless the operator is Hermitian. Cells are those
            of `density_matrix`: on an open cluster (`Exact`) they differ.

        Raises
        ------
        ArgumentError
            If a site does not exist or lacks its operator, or a matrix does not fit its places.

        Examples
        --------
        >>> state.expect("Sz").value.round(3)
        array([ 0.312, -0.217])
        >>> round(float(state.expect(("Sz", 0, 0), ("Sz", 1, 0)).value), 3)  # both in cell 0
        -0.115
        """
        if isinstance(op, str) and not others:
            return self._expect(known_operator(self.model, op))
        if is_product(op, others):
            return self._expect_product(known_product(self.model, (op, *others)))
        return self._expect_matrix(*known_matrix(self.model, op, others))

    def current(self, op: str | None = None) -> dict[Bond, Estimate] | None:
        r"""Return the current of a local charge through every bond.

        The continuity equation splits d<Q_j>/dt into what flows between sites and what a site gains
        or loses alone. A part X of a term of H that raises Q_b by q and lowers Q_a by as much
        carries -i q <X> from a to b; two products A and B of a jump operator, which change Q_b by
        q and q' and Q_a by as much to the other side, carry rate (q + q')/2 <B^+ A>.

        Parameters
        ----------
        op
            A charge: a diagonal operator such as "Sz" or "N"; None for the one of these that all
            sites have.

        Returns
        -------
        dict or None
            (place, place) to the `Estimate` of what flows from the first to the second, positive in
            the direction of the chain. Places are (site, cell); the first lies in cell 0. An open
            cluster (`Exact`) has all its bonds.

        Raises
        ------
        ArgumentError
            If the operator is not diagonal, nothing moves it, or a term or jump moves it between
            more than two sites, or creates it as well, so that no current is unique.

        Examples
        --------
        >>> through = state.current("Sz")
        >>> round(float(through[(0, 0), (1, 0)].value), 3)  # from site 0 to site 1 of cell 0
        0.441
        """
        choices = [
            name for name in ("Sz", "N") if all(name in site.operators for site in self.model.sites)
        ]
        if op is None and not choices:
            raise fail("op", "given: no charge belongs to all sites", op)
        return self._current(known_operator(self.model, choices[0] if op is None else op))

    def holds(self, place: Place) -> bool:
        """Return whether the lattice has this (site, cell); an infinite one has all."""
        return True

    def _expect(self, op: str) -> Estimate | None:
        return None

    def _expect_product(self, product: Product) -> Estimate | None:
        return None

    def _expect_matrix(self, matrix: Array, places: Sequence[Place]) -> Estimate | None:
        return None

    def _string_correlation(
        self, ends: tuple[str, str], string: Sequence[Operator], sites: tuple[int, int],
        max_cells: int,
    ) -> Estimate | None:  # fmt: skip
        return None

    def _current(self, op: str) -> dict[Bond, Estimate] | None:
        return None
