"""Whether a printed confusion matrix of rounded percentages can be: any paper's.

- ``printed``: numbers with the digits that were printed, and matrices of them as CSV files.
- ``rounded_rows``: the numbers of images that a row can come from; pure.
- ``audit``: which rows are possible, and which overall accuracies the matrix admits.
"""
