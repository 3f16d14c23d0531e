"""How far a trained network's validation accuracy is held back by the statistics of its batch norms.

    python tests/benchmarks/batch_norm_statistics.py --model mobilenetv2 --dataset fer2013 --recipe paper \\
        [--weights PATH] [--seed 0] [--workspace workspace] [--batches 100]

In training a batch norm uses the statistics of its batch, in validation running averages, which follow slowly (in
Keras' MobileNetV2 by 0.1 % a step). The validation images are answered with the averages as they are, and with the
plain mean over some augmented training batches, which the final weights give. Nothing is written.
"""

import argparse
from pathlib import Path

from fer_bench.lookup import trained_cell
from fer_bench.network import Network
from fer_bench.training.batches import training_batches
from fer_bench.training.run import scores
from fer_bench.workspace import Workspace


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--recipe", required=True)
    parser.add_argument("--weights", help="as in the training")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workspace", type=Path, default=Path("workspace"))
    parser.add_argument("--batches", type=int, default=100)
    options = parser.parse_args()
    place = Workspace(options.workspace)
    named = (options.model, options.dataset, options.recipe, options.seed, options.weights)
    cell, run, prepared = trained_cell(place, *named)
    network = Network(cell.model, cell.recipe)
    network.load_weights(place.weights(cell.id), run.weights_sha256)
    images, rows = prepared.at_size(cell.recipe.image_size), prepared.indices("val")
    batches = training_batches(images, prepared.labels, prepared.indices("train"), cell.recipe, cell.seed)
    batches.begin_epoch(cell.recipe.epochs + 1)  # Augmented as no epoch of the training was.

    def told(what: str) -> None:
        loss, accuracy = scores(network.predict(images, rows), prepared.labels[rows])
        print(f"{what}: validation accuracy {accuracy:.2%}, loss {loss:.3f}", flush=True)

    told(f"{cell.id}, running statistics")
    import keras

    norms = [
        layer
        for layer in network.core._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization) and layer.trainable
    ]
    for number in range(min(options.batches, len(batches))):
        for norm in norms:
            norm.momentum = number / (number + 1)  # The running average becomes the plain mean.
        network.trainer(batches[number][0], training=True)
    told(f"plain mean over {min(options.batches, len(batches))} batches, {len(norms)} batch norms")


if __name__ == "__main__":
    main()
