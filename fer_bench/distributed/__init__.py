"""The grid on several machines, by Ray: one cell a task.

Ray schedules, restarts and moves the data; fer-bench says what a cell needs and what becomes of its files.
"""

from fer_bench.distributed.executor import RayCluster

__all__ = ["RayCluster"]
