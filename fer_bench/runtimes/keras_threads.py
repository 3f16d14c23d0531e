"""The number of threads of the Keras backend."""

from fer_bench import backend
from fer_bench.environment import cores
from fer_bench.errors import FerBenchError


def unasked() -> int:
    """Return the threads where nobody asks for a number: those that TensorFlow was told in this process, which cannot
    be changed, else one a core."""
    if backend.configure() == "tensorflow":
        return backend.threads()["intra_op"] or cores()
    return cores()


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
        if threads != cores():
            raise FerBenchError(
                f"JAX computes with one thread a core and cannot be told {threads}: take {cores()} threads, or give "
                f"the process fewer cores (taskset -c 0 fer-bench ...)"
            )
    else:
        import tensorflow as tf

        try:
            tf.config.threading.set_intra_op_parallelism_threads(threads)
        except RuntimeError:
            found = tf.config.threading.get_intra_op_parallelism_threads() or cores()
            if found != threads:
                raise FerBenchError(
                    f"TensorFlow already computes with {found} threads, and {threads} were asked for: that can only "
                    "be set before the first model is built"
                ) from None
