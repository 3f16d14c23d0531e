"""Accuracy is a sample: intervals of scores, tests between models, from stored predictions alone.

- ``entries``: which records are compared; refuses what cannot be.
- ``answers``: what a run answered to each test image, from its record's predictions.
- ``subjects``: which images show the same person, and what is known about it, from the prepared dataset.
- ``sums``: scores as functions of sums over images, so that resampling is adding.
- ``intervals``: Wilson, Newcombe, bootstrap; pure functions.
- ``runs``: estimates with intervals of one training run a model, or of several seeds.
- ``seeds``: the variance of a score, split into seed and sample.
- ``pairwise``: tests between two runs: McNemar's, and a permutation test where several images show one person.
- ``groups``: accuracy by an attribute of the person shown.
- ``comparing``: all of it for some models; ``comparison``: the result as plain data; ``verdict`` and ``document``: the
  result in words and as JSON.
"""
