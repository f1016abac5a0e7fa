"""The attack laboratory: what an attacker who knows everything but the key would recover from an agency's encodings.

Every attack here is published (its papers are named beside it) or a stronger form of a published one. The truth is known at the
agency, so every attack is scored before anything leaves.
"""
