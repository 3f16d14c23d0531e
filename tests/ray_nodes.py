"""Two nodes of a Ray cluster on the loopback interface, one CPU each, until stdin ends: ``ray_nodes.py HIDDEN``.

The second one does not see the folder HIDDEN, as a machine without the shared disk: it runs in a mount namespace of its
own, with an empty folder in that place. Prints the address, and whether the folder could be hidden.
"""

import ctypes
import subprocess
import sys

from ray.cluster_utils import Cluster

NEW_MOUNT_NAMESPACE = 0x00020000


def hide(folder: str) -> bool:
    """Put an empty folder over one, for this process and those that it starts from now on."""
    if ctypes.CDLL(None).unshare(NEW_MOUNT_NAMESPACE) != 0:
        return False
    for command in (["mount", "--make-rprivate", "/"], ["mount", "-t", "tmpfs", "none", folder]):
        if subprocess.run(command, capture_output=True).returncode != 0:
            return False
    return True


def main() -> None:
    """Start, wait, stop."""
    size = 200 * 2**20
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "object_store_memory": size})
    hidden = hide(sys.argv[1])
    cluster.add_node(num_cpus=1, object_store_memory=size)
    print(cluster.address, "hidden" if hidden else "seen", flush=True)
    sys.stdin.read()
    cluster.shutdown()


main()
