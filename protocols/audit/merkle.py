"""The Merkle tree of the audit log: hashes, roots, inclusion and consistency proofs (RFC 6962 section 2, RFC 9162 section 2.1).

A tree is read through a *node* function: ``node(level, index)`` is the hash of the perfect subtree of ``2**level`` leaves that
starts at leaf ``index * 2**level``. So a root or a proof reads a handful of nodes and never the whole log.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

from protocols.errors import VerificationError

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
Node = Callable[[int, int], bytes]

_PROOF_FAILS = "Take the proof and the checkpoint again from the service; if it fails again, tell its operator and the other agencies."


def leaf_hash(body: bytes) -> bytes:
    """The hash of one entry."""
    return hashlib.sha256(b"\x00" + body).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def nodes_of(leaves: Sequence[bytes]) -> Node:
    """The node function of a whole log held in memory, given its leaf hashes."""
    levels: list[list[bytes]] = [list(leaves)]
    while len(levels[-1]) > 1:
        below = levels[-1]
        levels.append([node_hash(below[i], below[i + 1]) for i in range(0, len(below) - 1, 2)])

    def node(level: int, index: int) -> bytes:
        return levels[level][index]

    return node


def root(size: int, node: Node) -> bytes:
    """The root of the first `size` leaves."""
    return EMPTY_ROOT if size == 0 else _subtree(0, size, node)


def _split(count: int) -> int:
    """The largest power of two below `count`."""
    return 1 << (count - 1).bit_length() - 1


def _subtree(start: int, count: int, node: Node) -> bytes:
    if count & (count - 1) == 0:
        level = count.bit_length() - 1
        return node(level, start >> level)
    left = _split(count)
    return node_hash(_subtree(start, left, node), _subtree(start + left, count - left, node))


def inclusion_proof(index: int, size: int, node: Node) -> list[bytes]:
    """The audit path of leaf `index` in the tree of `size` leaves, from the leaf's sibling upwards."""
    if not 0 <= index < size:
        raise VerificationError(
            f"Entry {index} is not in a log of {size} entries.", next_step="Give an index below its size."
        )
    path, start, count = [], 0, size
    while count > 1:
        left = _split(count)
        if index - start < left:
            path.append(_subtree(start + left, count - left, node))
            count = left
        else:
            path.append(_subtree(start, left, node))
            start, count = start + left, count - left
    return path[::-1]


def consistency_proof(old: int, new: int, node: Node) -> list[bytes]:
    """The proof that the tree of `old` leaves is the beginning of the tree of `new` leaves."""
    if not 0 <= old <= new:
        raise VerificationError(
            f"A log of {old} entries cannot be the beginning of one of {new}.", next_step="Swap the two."
        )
    if old in (0, new):
        return []
    return _subproof(old, 0, new, whole=True, node=node)


def _subproof(old: int, start: int, count: int, *, whole: bool, node: Node) -> list[bytes]:
    if old == count:
        return [] if whole else [_subtree(start, count, node)]
    left = _split(count)
    if old <= left:
        return [*_subproof(old, start, left, whole=whole, node=node), _subtree(start + left, count - left, node)]
    deeper = _subproof(old - left, start + left, count - left, whole=False, node=node)
    return [*deeper, _subtree(start, left, node)]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], expected_root: bytes) -> None:
    """Check an inclusion proof (RFC 9162 section 2.1.3.2). Raises `VerificationError`."""
    _check_hashes([leaf, expected_root, *proof])
    if not 0 <= index < size:
        raise VerificationError(f"Entry {index} is not in a log of {size} entries.", next_step=_PROOF_FAILS)
    position, last, computed = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise VerificationError("The inclusion proof is too long.", next_step=_PROOF_FAILS)
        if position & 1 or position == last:
            computed = node_hash(sibling, computed)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            computed = node_hash(computed, sibling)
        position, last = position >> 1, last >> 1
    if last != 0:
        raise VerificationError("The inclusion proof is too short.", next_step=_PROOF_FAILS)
    if computed != expected_root:
        raise VerificationError(f"Entry {index} is not in the log of this checkpoint.", next_step=_PROOF_FAILS)


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Check a consistency proof (RFC 9162 section 2.1.4.2). Raises `VerificationError`."""
    _check_hashes([old_root, new_root, *proof])
    if not 0 <= old <= new:
        raise VerificationError(
            f"A log of {old} entries cannot be the beginning of one of {new}.", next_step=_PROOF_FAILS
        )
    if old in (0, new):
        expected = EMPTY_ROOT if old == 0 else new_root
        if proof or old_root != expected:
            raise VerificationError("The two checkpoints do not agree.", next_step=_PROOF_FAILS)
        return
    if not proof:
        raise VerificationError("The consistency proof is too short.", next_step=_PROOF_FAILS)
    rest = list(proof) if old & (old - 1) else [old_root, *proof]
    position, last = old - 1, new - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    from_old = from_new = rest[0]
    for sibling in rest[1:]:
        if last == 0:
            raise VerificationError("The consistency proof is too long.", next_step=_PROOF_FAILS)
        if position & 1 or position == last:
            from_old, from_new = node_hash(sibling, from_old), node_hash(sibling, from_new)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            from_new = node_hash(from_new, sibling)
        position, last = position >> 1, last >> 1
    if last != 0:
        raise VerificationError("The consistency proof is too short.", next_step=_PROOF_FAILS)
    if from_old != old_root or from_new != new_root:
        raise VerificationError(
            f"The log of {old} entries is not the beginning of the log of {new}: entries were changed or removed.",
            next_step=_PROOF_FAILS,
        )


def _check_hashes(hashes: Sequence[bytes]) -> None:
    if any(len(item) != HASH_BYTES for item in hashes):
        raise VerificationError("A proof holds something that is not a SHA-256 hash.", next_step=_PROOF_FAILS)
