"""The demo county: about 2,500 made-up families and what six agencies would hold of them.

Nobody in it is real. It is made from a seed alone, so that anyone can make it again byte for byte.
"""
