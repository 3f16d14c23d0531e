"""A page that runs an exported model in the browser, from disk, with nothing leaving the machine."""
