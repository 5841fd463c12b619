"""Linear algebra of the compiled update: products, singular values, leading parts.

The first run waits for the compiler, which works longest on what the code never does: the errors
about shapes in assignments to slices, in sorting and in `np.linalg`. So BLAS and LAPACK are called
by the entry points that Numba has for them, and loops stand for the rest.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

import numpy as np
from numba import njit, types
from numba.extending import overload
from numba.np.numpy_support import as_dtype

AS_IT_IS, TRANSPOSED = ord("n"), ord("t")  # how a product takes a factor

compiled = njit(nogil=True, error_model="numpy")

_KINDS = {types.float32: "s", types.float64: "d", types.complex64: "c", types.complex128: "z"}


def _entry(name, dtype, arguments):
    """Return an entry point of Numba's for BLAS or LAPACK, and its first argument.

    Of the others p is an array, n a number, c a character.
    """
    kinds = {"p": types.CPointer(dtype), "n": types.intp, "c": types.char}
    kinds["r"] = types.CPointer(getattr(dtype, "underlying_float", dtype))
    signature = types.intc(types.char, *[kinds[letter] for letter in arguments])
    return types.ExternalFunction(f"numba_{name}", signature), ord(_KINDS[dtype])


def gemm(a, of_a, b, of_b, out, sign):
    """Set `out` to op(a) op(b), or subtract it if `sign` is -1; op: `AS_IT_IS` or `TRANSPOSED`."""


@overload(gemm)
def _gemm_of(a, of_a, b, of_b, out, sign):
    multiply, kind = _entry("xxgemm", out.dtype, "ccnnnppnpnppn")
    dtype = as_dtype(out.dtype)
    setting, subtracting = np.array([1, 0], dtype), np.array([-1, 1], dtype)

    def product(a, of_a, b, of_b, out, sign):
        rows, columns = out.shape
        inner = a.shape[0] if of_a == TRANSPOSED else a.shape[1]
        factors = setting if sign == 1 else subtracting
        multiply(  # BLAS reads arrays by columns: transposed, and so is their product
            kind, of_b, of_a, columns, rows, inner, factors.ctypes, b.ctypes, b.shape[1],
            a.ctypes, a.shape[1], factors[1:].ctypes, out.ctypes, columns,
        )  # fmt: skip

    return product


def _gesdd(a, left, values, right):
    """Decompose a matrix U S V^+ and return 0; `right` becomes U^T, `left` V^*; `a` is lost."""


@overload(_gesdd)
def _gesdd_of(a, left, values, right):
    gesdd, kind = _entry("ez_gesdd", a.dtype, "cnnpnrpnpn")
    few = ord("S")

    def decompose(a, left, values, right):
        rows, columns = a.shape
        return gesdd(
            kind, few, columns, rows, a.ctypes, columns, values.ctypes,
            left.ctypes, columns, right.ctypes, len(values),
        )  # fmt: skip

    return decompose


def _orthonormalise(a):
    """Make the rows of a matrix orthonormal; they are independent, or nearly."""


@overload(_orthonormalise)
def _orthonormalise_of(a):
    geqrf, kind = _entry("ez_geqrf", a.dtype, "nnpnp")
    gqr, _ = _entry("ez_xxgqr", a.dtype, "nnnpnp")

    def orthonormalise(a):
        rows, columns = a.shape
        reflectors = np.empty(rows, a.dtype)
        geqrf(kind, columns, rows, a.ctypes, columns, reflectors.ctypes)
        gqr(kind, columns, rows, rows, a.ctypes, columns, reflectors.ctypes)

    return orthonormalise


def conjugate(a):
    """Return the complex conjugate, of a real array itself."""


@overload(conjugate)
def _conjugate_of(a):
    if isinstance(a.dtype, types.Complex):
        return lambda a: np.conj(a)
    return lambda a: a


@compiled
def svd(a):
    """Return all singular values and right singular vectors (as rows)."""
    rows, columns = a.shape
    size = min(rows, columns)
    values = np.empty(size)
    vectors, others = np.empty((size, columns), a.dtype), np.empty((rows, size), a.dtype)
    for x in a.flat:
        if not np.isfinite(x):
            raise np.linalg.LinAlgError(
                "The state has diverged: a matrix to decompose has no finite norm."
            )
    if _gesdd(a.copy(), vectors, values, others) != 0:
        # divide and conquer fails on rare matrices, but not on both orientations
        turned = np.empty((columns, size), a.dtype)
        if _gesdd(a.T.copy(), others, values, turned) != 0:
            raise np.linalg.LinAlgError("A singular value decomposition does not converge.")
        for i in range(size):
            for j in range(columns):
                vectors[i, j] = turned[j, i]
    return values, vectors


@compiled
def leading(matrix, guess):
    """Return the leading part of a decomposition by two sweeps of subspace iteration.

    The rows of `guess` nearly span the wanted right singular vectors, and some more. Returned are
    as many singular values and right singular vectors (as rows), and the squared norm of the rest.
    """
    (rows, columns), size = matrix.shape, len(guess)
    basis = np.empty((size, rows), matrix.dtype)
    image = np.empty((size, columns), matrix.dtype)
    gemm(conjugate(guess), AS_IT_IS, matrix, TRANSPOSED, basis, 1)
    _orthonormalise(basis)  # rows: the transposed Q of M G^+
    gemm(conjugate(basis), AS_IT_IS, matrix, AS_IT_IS, image, 1)
    _orthonormalise(image)  # of M^+ Q, complex conjugate
    gemm(image, AS_IT_IS, matrix, TRANSPOSED, basis, 1)
    _orthonormalise(basis)
    gemm(conjugate(basis), AS_IT_IS, matrix, AS_IT_IS, image, 1)
    rest = matrix.copy()
    gemm(basis, TRANSPOSED, image, AS_IT_IS, rest, -1)
    values, vectors = svd(image)
    return values, vectors, square(rest)


@compiled
def square(a):
    """Return the squared norm of an array."""
    total = 0.0
    for x in a.flat:
        total += x.real**2 + x.imag**2
    return total
