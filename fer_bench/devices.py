"""Several devices of one machine that share every training batch."""

from fer_bench import backend
from fer_bench.errors import FerBenchError


def check(count: int, batch_size: int) -> None:
    """Refuse a number of devices that cannot be had, before anything is built or imported.

    Raises:
        FerBenchError: the backend does not share batches, or the batch cannot be split evenly.
    """
    if count == 1:
        return
    if backend.name() != "jax":
        raise FerBenchError(
            f"--devices {count} needs KERAS_BACKEND=jax, not {backend.name()}: there the batch-norm statistics are "
            "those of the whole batch, as on one device, and the results the same up to rounding"
        )
    if batch_size % count:
        raise FerBenchError(
            f"--devices {count}: the batch of {batch_size} images cannot be split evenly; "
            "choose a number of devices that divides it"
        )


def share(count: int) -> None:
    """Have the networks built from now on share every batch among the first ``count`` devices; 1 shares nothing.

    Keras' ``DataParallel``: JAX sees one computation on the whole batch, of which every device does a part. What the
    network computes, batch-norm statistics included, is what it computes on one device, up to the order of sums.

    Raises:
        FerBenchError: there are fewer devices.
    """
    if backend.configure() != "jax":
        return
    import keras

    known = keras.distribution.list_devices()
    if count > len(known):
        raise FerBenchError(f"--devices {count}: JAX sees {len(known)} here ({', '.join(known)})")
    shared = keras.distribution.DataParallel(devices=known[:count], auto_shard_dataset=False) if count > 1 else None
    keras.distribution.set_distribution(shared)
