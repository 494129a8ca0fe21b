"""RSA keys of the generator that CVE-2017-15361 (ROCA) is about: their moduli can be factored."""

from __future__ import annotations

import math
from typing import Final

# The generator made primes p ≡ 65537^a modulo the product of many small primes, so that the modulus, too, is
# a power of 65537 modulo each of them. All sizes of its keys have these primes in common.
_GENERATOR: Final = 65_537
_PRIMES: Final = tuple(
    number for number in range(3, 168) if all(number % divisor for divisor in range(2, number))
)
_PRODUCT: Final = math.prod(_PRIMES)


def _powers(prime: int) -> frozenset[int]:
    return frozenset(pow(_GENERATOR, exponent, prime) for exponent in range(prime - 1))


_POWERS: Final = tuple((prime, _powers(prime)) for prime in _PRIMES)


def has_roca_fingerprint(modulus: int) -> bool:
    """Whether a modulus looks as if that generator had made it; so does one in 2^27 of all others."""
    rest = modulus % _PRODUCT
    return all(rest % prime in powers for prime, powers in _POWERS)
