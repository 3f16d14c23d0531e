"""One training run, from a cell of the grid to its record (paper, section IV-B).

- ``run``: trains a cell, resumable after a kill.
- ``batches``, ``balance``: the batches of an epoch, and what is done about classes of different size.
- ``checkpoint``, ``run_folder``: what an interrupted run continues from, and the folder where it lies.
- ``continuation``: a longer run begins with what a shorter one of the same training left.
- ``watching``: curves and TensorBoard events while it trains.
"""
