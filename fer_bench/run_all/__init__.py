"""``run-all``: every stage in order, from the datasets to the report.

The stages are: make or prepare the datasets (``run_datasets``), train every cell of the grid and test it, profile the
models, ANOVA, then tables, figures, report (``rendering``). A stage is skipped where its result is there already, so
that a second run ends at once and a killed one goes on where it stopped. What is missing is told from files alone;
Keras is imported by the first stage that needs it.
"""
