"""A network small enough to train in a second; processes that tests start import it, hence no pytest here."""


def build_tiny(image_size: int, classes: int):
    """Build a network with everything that matters to training: a frozen block, batch norm, dropout."""
    import keras
    from keras import layers

    inputs = keras.Input((image_size, image_size, 3))
    x = layers.Conv2D(4, 3, padding="same", name="frozen_conv")(inputs)
    x = layers.BatchNormalization(name="frozen_bn")(x)
    x = layers.Conv2D(12, 3, 2, padding="same", name="conv")(x)
    x = layers.ReLU()(layers.BatchNormalization(name="bn")(x))
    x = layers.Conv2D(16, 3, 2, padding="same", name="conv_2")(x)
    x = layers.ReLU()(layers.BatchNormalization(name="bn_2")(x))
    x = layers.Dropout(0.2)(layers.GlobalAveragePooling2D()(x))
    model = keras.Model(inputs, layers.Dense(classes, activation="softmax", name="emotions")(x), name="tiny")
    for name in ("frozen_conv", "frozen_bn"):
        model.get_layer(name).trainable = False
    return model
