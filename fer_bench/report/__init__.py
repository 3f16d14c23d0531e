"""The report of a benchmark: ``report.md``, and ``report.html`` as one file to pass on.

The text carries no dates, and the page holds the pictures as they lie in the folder of the figures: the same records
and pictures give the same bytes on any machine.
"""

from fer_bench.report.files import check_report, write_report

__all__ = ["check_report", "write_report"]
