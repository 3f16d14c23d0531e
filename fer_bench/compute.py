"""What the speed and the last bits of a result depend on besides versions: the backend's threads, kernels, rounding."""

from fer_bench import backend


def threads() -> dict[str, int]:
    """Return the backend's thread settings as records keep them; 0 means that the backend chooses."""
    chosen = backend.configure()
    if chosen == "tensorflow":
        import tensorflow as tf

        return {
            "inter_op": tf.config.threading.get_inter_op_parallelism_threads(),
            "intra_op": tf.config.threading.get_intra_op_parallelism_threads(),
        }
    if chosen == "torch":
        import torch

        return {"inter_op": torch.get_num_interop_threads(), "intra_op": torch.get_num_threads()}
    return {}


def compute_settings() -> dict[str, str]:
    """Return what speed and the last bits of a result depend on besides versions, as records keep it."""
    chosen = backend.configure()
    found = {f"{kind}_threads": str(count) if count else "chosen by the backend" for kind, count in threads().items()}
    found["jit_compile"] = str(backend.jit_compile()).lower()
    if chosen == "tensorflow":
        found["onednn"] = _onednn()
    if backend.devices():
        found["tf32"] = _tf32()
    return found


def _tf32() -> str:
    """Return whether a GPU may round float32 factors to 10 bits (TF32): in all products, or convolutions only, say.

    NVIDIA's GPUs can from Ampere on, and every backend lets them unless it is told otherwise.
    """
    chosen = backend.configure()
    if chosen == "tensorflow":
        import tensorflow as tf

        return "allowed" if tf.config.experimental.tensor_float_32_execution_enabled() else "off"
    if chosen == "jax":
        import jax

        wanted = jax.config.jax_default_matmul_precision
        return "off" if wanted in ("highest", "float32") else "allowed"
    import torch

    if torch.backends.cuda.matmul.allow_tf32:
        return "allowed" if torch.backends.cudnn.allow_tf32 else "products only"
    return "convolutions only" if torch.backends.cudnn.allow_tf32 else "off"


def _onednn() -> str:
    """Return whether TensorFlow uses oneDNN's kernels, ``true``, ``false`` or ``unknown``.

    It has no public function that tells, and may move this one.
    """
    try:
        from tensorflow.python.util._pywrap_util_port import IsMklEnabled
    except ImportError:
        return "unknown"
    return str(bool(IsMklEnabled())).lower()
