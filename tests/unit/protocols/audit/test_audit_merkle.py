"""The tree of RFC 6962: published roots, and proofs that hold for every entry and for nothing else."""

import hashlib

import pytest

from protocols.audit.merkle import (
    EMPTY_ROOT,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    nodes_of,
    root,
    verify_consistency,
    verify_inclusion,
)
from protocols.errors import VerificationError

# Leaves and roots of the reference test of Certificate Transparency.
LEAVES = [bytes.fromhex(item) for item in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657")] + [
    bytes.fromhex("606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def leaves(count):
    return [leaf_hash(index.to_bytes(4, "big")) for index in range(count)]


def test_published_roots():
    hashes = [leaf_hash(item) for item in LEAVES]
    for size, expected in enumerate(ROOTS, start=1):
        assert root(size, nodes_of(hashes)).hex() == expected
    assert hashlib.sha256(b"").digest() == EMPTY_ROOT == root(0, nodes_of([]))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 33])
def test_every_entry_is_included_and_no_other(size):
    hashes = leaves(size)
    node = nodes_of(hashes)
    for index in range(size):
        proof = inclusion_proof(index, size, node)
        verify_inclusion(hashes[index], index, size, proof, root(size, node))
        for wrong in [
            (leaf_hash(b"other"), index, size, proof),
            (hashes[index], index, size, [*proof, hashes[0]]),
            (hashes[index], index, size + 1, proof[:-1]),
        ]:
            with pytest.raises(VerificationError):
                verify_inclusion(*wrong, root(size, node))


def test_a_log_follows_from_its_beginning_and_from_nothing_else():
    hashes = leaves(21)
    node = nodes_of(hashes)
    for new in range(22):
        for old in range(new + 1):
            proof = consistency_proof(old, new, node)
            verify_consistency(old, new, root(old, node), root(new, node), proof)
            if 0 < old < new:
                with pytest.raises(VerificationError):
                    verify_consistency(old, new, leaf_hash(b"forged"), root(new, node), proof)
                with pytest.raises(VerificationError):
                    verify_consistency(old, new, root(old, node), root(new, node), [*proof, hashes[0]])
                with pytest.raises(VerificationError):
                    verify_consistency(old, new, root(old, node), root(new, node), proof[:-1])


def test_malformed_proofs_are_one_error():
    with pytest.raises(VerificationError):
        verify_inclusion(leaf_hash(b""), 0, 2, [b"short"], EMPTY_ROOT)
    with pytest.raises(VerificationError):
        inclusion_proof(3, 3, nodes_of(leaves(3)))
    with pytest.raises(VerificationError):
        consistency_proof(4, 3, nodes_of(leaves(3)))
    with pytest.raises(VerificationError):
        verify_consistency(0, 3, leaf_hash(b""), leaf_hash(b""), [])
