"""The options that say where runs are trained, and how many side by side."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from fer_bench.backend import ONE_THREAD_SIZE
from fer_bench.cli.options import is_written
from fer_bench.errors import FerBenchError
from fer_bench.recipe import Recipe

if TYPE_CHECKING:
    from fer_bench.distributed import RayCluster
    from fer_bench.workers import Executor

JobsOption = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        "-j",
        min=1,
        help="Number of runs trained side by side, each in its own process; the results are the same. Default: for "
        f"recipes of at most {ONE_THREAD_SIZE} x {ONE_THREAD_SIZE} pixels on TensorFlow, which uses one thread for "
        "them, one a core, as far as there are 2 GiB of memory for each, and at most three with an NVIDIA GPU; "
        "otherwise 1.",
    ),
]
ExecutorOption = Annotated[
    Literal["local", "ray"],
    typer.Option(
        "--executor",
        help="Where training runs: local, on this machine; ray, on a Ray cluster, one task for each cell (a model "
        "trained on a dataset from a seed).",
    ),
]
AddressOption = Annotated[
    str | None,
    typer.Option(
        "--address",
        envvar="RAY_ADDRESS",
        help="With --executor ray: address of a running cluster that this machine is part of, HOST:PORT or "
        "auto. Default: one started on this machine for as long as the command runs.",
    ),
]
CpusOption = Annotated[
    float | None,
    typer.Option(
        "--cpus-per-cell",
        min=0.01,
        help="With --executor ray: CPUs for each cell. Default: 1 for small images and on GPUs, else a whole machine.",
    ),
]
GpusOption = Annotated[
    float | None,
    typer.Option(
        "--gpus-per-cell",
        min=0,
        help="With --executor ray: GPUs for each cell; 0.5 lets two cells share one. Default: 1 if the cluster"
        " has any.",
    ),
]


def cluster_of(
    context: typer.Context,
    executor: Literal["local", "ray"],
    address: str | None,
    cpus: float | None,
    gpus: float | None,
) -> "RayCluster | None":
    """Return the cluster that the options name, ``None`` for the local executor.

    Args:
        context: of the command: an address from ``RAY_ADDRESS`` is meant for other commands, too.
        executor: as --executor has it.
        address: of the cluster.
        cpus: of each cell.
        gpus: of each cell.

    Raises:
        FerBenchError: Ray is not installed, or an option of it is given to the local executor.
    """
    if executor == "local":
        if is_written(context, "address"):
            raise FerBenchError(f"--address {address} applies only with --executor ray; add that option")
        given = {"--cpus-per-cell": cpus, "--gpus-per-cell": gpus}
        for name, value in given.items():
            if value is not None:
                raise FerBenchError(f"{name} {value:g} applies only with --executor ray; add that option")
        return None
    from fer_bench.distributed import RayCluster

    cluster = RayCluster(address or None, cpus, gpus)
    cluster.check()
    return cluster


def executor_of(cluster: "RayCluster | None", jobs: int | None, recipe: Recipe, devices: int = 1) -> "Executor | None":
    """Return what trains the runs: the cluster, or processes side by side on this machine; ``None`` is this process.

    Args:
        cluster: as :func:`cluster_of` returns it.
        jobs: as --jobs.
        recipe: of the runs.
        devices: as --devices.

    Raises:
        FerBenchError: --jobs or --devices stands beside a cluster, or both exclude each other.
    """
    if cluster is not None:
        if jobs is not None or devices > 1:
            raise FerBenchError(
                "--jobs and --devices apply only with --executor local; a cell on a cluster gets "
                "--cpus-per-cell and --gpus-per-cell"
            )
        return cluster
    from fer_bench.workers import Processes, default_jobs

    if devices > 1:
        if jobs is not None and jobs > 1:
            raise FerBenchError(
                "--devices and --jobs exclude each other: runs side by side would take the same devices"
            )
        return None
    number = default_jobs(recipe.image_size) if jobs is None else jobs
    return Processes(number) if number > 1 else None
