"""The number of threads of the Keras backend."""

from fer_bench import backend, compute
from fer_bench.environment import cores, schedulable_cores
from fer_bench.errors import FerBenchError


def unasked() -> int:
    """Return the threads where nobody asks for a number: those that TensorFlow was told in this process, which cannot
    be changed, those that JAX cannot be told, else one a core."""
    chosen = backend.configure()
    if chosen == "jax":
        return schedulable_cores()
    return (compute.threads()["intra_op"] if chosen == "tensorflow" else 0) or cores()


def pin(threads: int) -> None:
    """Let the Keras backend compute with ``threads`` threads on the CPU.

    TensorFlow takes the number only before its first operation: call this before any model is built.

    Raises:
        FerBenchError: the backend can no longer, or never, be told so.
    """
    chosen = backend.configure()
    if chosen == "torch":
        import torch

        torch.set_num_threads(threads)
    elif chosen == "jax":
        fixed = schedulable_cores()
        if threads != fixed:
            raise FerBenchError(
                f"JAX computes with one thread a core and cannot be told {threads}: take {fixed} threads, or give the "
                "process fewer cores (taskset -c 0 fer-bench ...)"
            )
    else:
        import tensorflow as tf

        try:
            tf.config.threading.set_intra_op_parallelism_threads(threads)
        except RuntimeError:
            found = tf.config.threading.get_intra_op_parallelism_threads() or schedulable_cores()
            if found != threads:
                raise FerBenchError(
                    f"TensorFlow already computes with {found} threads, and {threads} were asked for: that can only "
                    "be set before the first model is built"
                ) from None
