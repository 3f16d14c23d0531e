"""Models ranked over the records of several workspaces and hosts, as far as their tests can tell them apart.

- ``places``: the folders of records, each with a short name.
- ``gathering``: the tests in them, each run once.
- ``contests``: which of them compete; refuses what cannot be compared.
- ``ranks``: from "shown to be better" to a range of ranks; pure.
- ``ranking``: the paired tests, their correction, the scores.
- ``latency``: inference times, ranked within one measuring session.
- ``words``, ``document``, ``latency_document``: the boards in words, as tables, as data.
- ``formats``: the tables as Markdown and LaTeX, the data as CSV.
"""
