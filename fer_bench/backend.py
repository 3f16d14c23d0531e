"""The Keras backend: settings that must be made before its first operation, and what it runs on.

Keras 3 runs on TensorFlow (default), JAX or PyTorch, chosen by the environment variable ``KERAS_BACKEND``.
"""

import contextlib
import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from traceback import extract_tb

from fer_bench.errors import FerBenchError, reason_of

BACKENDS = ("tensorflow", "jax", "torch")

ONE_THREAD_SIZE = 64
"""Largest image, pixels, whose network TensorFlow computes with one thread: a second one gains next to nothing
there, and slows both down where two networks are trained side by side."""

_SETTINGS = ("float32", "channels_last", "float32")
"""Float type, image data format and dtype policy that Keras must have: with others the same code builds other networks,
and the records would not say so."""

_DEVICE_ERRORS = frozenset(
    {"JaxRuntimeError", "XlaRuntimeError", "AcceleratorError", "InternalError", "UnavailableError"}
)
"""What JAX, PyTorch and TensorFlow raise where a device fails; by name, so that no backend has to be imported to tell.
A defect of Python code within TensorFlow's graph is an UnknownError, none of these."""


def name() -> str:
    """Return the backend that Keras uses or would use, without importing it: planning needs no Keras."""
    import json

    chosen, source = os.environ.get("KERAS_BACKEND", ""), "KERAS_BACKEND"
    if not chosen:
        source = f"{keras_home() / 'keras.json'}: backend"
        try:
            settings = json.loads((keras_home() / "keras.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            settings = {}
        if not isinstance(settings, dict):  # Keras itself would end with an error.
            raise FerBenchError(f"{keras_home() / 'keras.json'}: not settings of Keras; correct or delete that file")
        chosen = settings.get("backend", "tensorflow")
    if chosen not in BACKENDS:
        raise FerBenchError(f"{source} is {chosen!r}; expected one of {', '.join(BACKENDS)}")
    return str(chosen)


def keras_home() -> Path:
    """Return Keras' own folder, by its rule: its settings, and in ``models`` the weights that it has downloaded."""
    given = os.environ.get("KERAS_HOME")
    if given is not None:
        return Path(given)
    home = os.path.expanduser("~")  # noqa: PTH111  # Path's own raises where there is no home, as in some containers.
    return Path(home if os.access(home, os.W_OK) else "/tmp") / ".keras"


@cache
def configure() -> str:
    """Prepare the backend, once a process, and return its name.

    On TensorFlow one inter-op thread, which on a CPU makes training repeat bit for bit, at no visible cost; it can
    only be set before the first operation. GPUs take memory as they need it.

    Raises:
        FerBenchError: the chosen backend is not installed, or Keras' own settings make other networks of the models.
    """
    from fer_bench.datasets.pictures import settle_opencv

    chosen = name()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    settle_opencv()
    try:
        with _quiet_import():
            _prepare(chosen)
    except ImportError as error:
        raise FerBenchError(
            f"the Keras backend {chosen!r} cannot be imported ({error}); install it, "
            "or choose another with the environment variable KERAS_BACKEND"
        ) from error
    except Exception as error:
        # Keras, and TensorFlow's own old copy of it, read the settings while they are imported, and name no file.
        raised_in = Path(extract_tb(error.__traceback__)[-1].filename)
        if "keras" not in raised_in.parts or raised_in.name not in ("backend.py", "config.py"):
            raise
        raise FerBenchError(
            f"{keras_home() / 'keras.json'}: Keras cannot be imported with these settings ({reason_of(error)}); "
            "correct or delete that file"
        ) from error
    import keras

    if keras.backend.backend() != chosen:
        raise FerBenchError(f"Keras runs on {keras.backend.backend()!r}, expected {chosen!r}: check KERAS_BACKEND")
    found = (keras.config.floatx(), keras.config.image_data_format(), keras.config.dtype_policy().name)
    if found != _SETTINGS:
        raise FerBenchError(
            f"{keras_home() / 'keras.json'}, or the program that called: Keras is set to {', '.join(found)}; the "
            f"networks need {', '.join(_SETTINGS)}: change floatx and image_data_format there"
        )
    if keras.config.max_epochs() is not None or keras.config.max_steps_per_epoch() is not None:
        raise FerBenchError(
            "Keras is set to cut every training short (KERAS_MAX_EPOCHS, KERAS_MAX_STEPS_PER_EPOCH): unset these "
            "variables; a shorter run is a recipe of its own"
        )
    return chosen


def prepare_training(image_size: int) -> None:
    """Configure the backend with the settings that were measured to train fastest on a CPU.

    On TensorFlow oneDNN's kernels, which it leaves off on processors without AVX-512 although they train these
    networks 1.2 to 1.4 times as fast there; ``TF_ENABLE_ONEDNN_OPTS`` in the environment decides where it is set.
    TensorFlow reads the variable once, while it is imported, so it is set for the import alone.

    On TensorFlow without a GPU, one thread for small images (:data:`ONE_THREAD_SIZE`), whatever else runs beside it:
    the results are then the same for any number of jobs. For larger images no more threads than a container's quota
    lets run at once, which TensorFlow does not know.

    On any backend, freed memory is kept by the process (:func:`_keep_freed_memory`).

    A profile must not call this: it times inference as it is elsewhere. Kernels and threads stay as they are where the
    process has imported or used TensorFlow before.
    """
    _keep_freed_memory()
    variable = "TF_ENABLE_ONEDNN_OPTS"
    if name() == "tensorflow" and "tensorflow" not in sys.modules and variable not in os.environ:
        os.environ[variable] = "1"
        try:
            configure()
        finally:
            del os.environ[variable]
    if configure() != "tensorflow" or devices():
        return
    from fer_bench.environment import cores, schedulable_cores

    small = image_size <= ONE_THREAD_SIZE
    if small or cores() < schedulable_cores():
        import tensorflow as tf

        with contextlib.suppress(RuntimeError):  # it has computed before
            tf.config.threading.set_intra_op_parallelism_threads(1 if small else cores())


def _prepare(chosen: str) -> None:
    if chosen == "tensorflow":
        import tensorflow as tf

        try:
            tf.config.threading.set_inter_op_parallelism_threads(1)
        except RuntimeError:
            warnings.warn(
                "TensorFlow has been used in this process before fer-bench: its threads can no longer be set, and "
                "training on a CPU will not repeat bit for bit; call fer_bench.backend.configure() first",
                stacklevel=2,
            )
        for device in tf.config.list_physical_devices("GPU"):
            with contextlib.suppress(RuntimeError):  # Used before, like the threads: its memory is as it was taken.
                tf.config.experimental.set_memory_growth(device, True)
        # Every network is traced once, each batch size of a profile too; TensorFlow advises against that at length.
        logging.getLogger("tensorflow").addFilter(lambda record: "tf.function retracing" not in record.getMessage())
    if chosen == "jax":
        # Otherwise JAX takes three quarters of a GPU's memory at once.
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    import keras  # noqa: F401


def begin_epoch(seed: int, epoch: int) -> None:
    """Begin an epoch, counted from 0, so that a resumed run drops out what an undisturbed one does.

    Keras keeps the random state of dropout in variables, which a checkpoint holds; but on PyTorch dropout draws from
    PyTorch's own generator, which is seeded here anew.
    """
    if configure() == "torch":
        import numpy as np
        import torch

        torch.manual_seed(int(np.random.SeedSequence([seed, epoch]).generate_state(1)[0]))


def _keep_freed_memory() -> None:
    """Let glibc keep what is freed: a training step frees and takes the same hundreds of megabytes every time.

    Measured with ShuffleNetV2 at 48 x 48: half the system time (12 s to 5.5 s in a minute), which matters where two
    networks are trained side by side on two cores. Where there is no glibc nothing is done.
    """
    import ctypes

    m_trim_threshold, m_top_pad, m_mmap_threshold = -1, -2, -3
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return
    mallopt(m_mmap_threshold, 32 * 2**20)  # the largest that glibc accepts
    mallopt(m_trim_threshold, 2**31 - 1)
    mallopt(m_top_pad, 64 * 2**20)


@contextlib.contextmanager
def _quiet_import() -> Iterator[None]:
    """Hold back what native libraries print while they load; print it where loading fails.

    TensorFlow writes several lines about oneDNN and CUDA before its log level applies, on every machine without a
    GPU. They go to the file descriptor, past ``sys.stderr``.
    """
    if getattr(sys, "stderr", None) is None:  # In a service, or under pythonw.
        yield
        return
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held_back:
        os.dup2(held_back.fileno(), 2)
        try:
            yield
        except BaseException:
            held_back.seek(0)
            os.write(kept, held_back.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def devices() -> tuple[str, ...]:
    """Return the names of the accelerators (GPUs and the like) that the backend sees; empty on a machine with none."""
    chosen = configure()
    if chosen == "tensorflow":
        import tensorflow as tf

        details = [tf.config.experimental.get_device_details(gpu) for gpu in tf.config.list_physical_devices("GPU")]
        return tuple(str(detail.get("device_name", "GPU")) for detail in details)
    if chosen == "jax":
        import jax

        return tuple(device.device_kind for device in jax.devices() if device.platform != "cpu")
    import keras
    import torch

    kind = keras.ops.zeros(()).device.type  # Keras chooses: not only CUDA, and KERAS_TORCH_DEVICE may say another.
    if kind == "cuda":
        return tuple(torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count()))
    return () if kind == "cpu" else (f"PyTorch's {kind}",)


def is_device_failure(error: BaseException) -> bool:
    """Return whether an error of the backend says that a GPU failed: a lost device, a launch that went wrong.

    On a CPU never: there such an error is a fault of a program, and its traceback is wanted.
    """
    return type(error).__name__ in _DEVICE_ERRORS and bool(devices())


def jit_compile() -> bool | str:
    """Return what ``keras.Model.compile`` is given as ``jit_compile``: whether XLA compiles the steps.

    Not on TensorFlow without a GPU, where it makes them several times slower, nor with Apple's GPUs, which it does not
    know, nor on PyTorch; on JAX Keras decides.
    """
    chosen = configure()
    if chosen == "jax":
        return "auto"
    return chosen == "tensorflow" and bool(devices()) and sys.platform != "darwin"
