"""How much of its accuracy a trained model keeps where the pictures are worse than those of the test set.

:mod:`fer_bench.corruptions` makes pictures worse in eleven ways, each with five severities; ``images`` does so to a
test set while it is read; ``testing`` tests a trained model on all of them and keeps a record; ``summary`` compares
records, by plain data alone, and ``comparing`` finds those of what ``compare`` has chosen. The protocol of corruptions
and severities is that of D. Hendrycks and T. Dietterich, "Benchmarking neural network robustness to common corruptions
and perturbations", ICLR 2019; which corruptions, and how strong, is chosen here for faces (the paper leaves "real-world
scenarios" to future work, section VI).
"""
