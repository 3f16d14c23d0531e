"""The audit of the paper: its published numbers against each other, and against what is known of its datasets.

Computed from :mod:`fer_bench.paper`, not from its list of errata; what can only be found by reading the paper is marked
so.
"""

from dataclasses import dataclass
from itertools import chain

from fer_bench.paper_audit.complexity import complexity_findings
from fer_bench.paper_audit.cross_checks import cross_check_findings
from fer_bench.paper_audit.findings import Finding, Verdict
from fer_bench.paper_audit.matrices import Audited, audited_matrices, matrix_findings
from fer_bench.paper_audit.text_checks import text_findings
from fer_bench.paper_audit.text_datasets import dataset_findings
from fer_bench.paper_audit.text_discussion import discussion_claims
from fer_bench.paper_audit.text_inferences import inference_findings
from fer_bench.paper_audit.text_results import result_claims

__all__ = ["Audited", "Finding", "PaperAudit", "Verdict", "audit_paper"]


@dataclass(frozen=True)
class PaperAudit:
    """The result of the audit."""

    findings: tuple[Finding, ...]
    """Worst verdict first, then tables, then text."""
    matrices: tuple[Audited, ...]
    """The 18 of Tables 8 and 9."""


def audit_paper() -> PaperAudit:
    """Check everything; takes seconds, most of them to import scipy and statsmodels."""
    matrices = audited_matrices()
    found = chain(
        matrix_findings(matrices),
        cross_check_findings(matrices),
        complexity_findings(),
        (claim.finding() for claim in (*result_claims(), *discussion_claims())),
        text_findings(),
        inference_findings(),
        dataset_findings(),
    )
    order = list(Verdict)
    return PaperAudit(tuple(sorted(found, key=lambda finding: order.index(finding.verdict))), matrices)
