"""A Ray cluster of two nodes on loopback: says its dashboard's address, and ends when it is told to."""

import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

FOLDER = tempfile.mkdtemp(prefix="ray-")  # short: sockets lie in it
os.environ |= {
    "RAY_TMPDIR": FOLDER,  # where a cluster notes that it is the current one: the folder's `ray`, made beforehand
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is told to its makers
    "RAY_AUTH_MODE": "disabled",  # no token is written into anybody's home
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # loopback, whatever other addresses this machine has
    "RAY_num_prestart_python_workers": "0",
    "RAY_prestart_worker_first_driver": "0",
    "RAY_record_ref_creation_sites": "0",
}

from ray.cluster_utils import Cluster  # noqa: E402 - Ray reads its settings as it is imported

STORE = 80_000_000
OWN = Path(FOLDER) / "ray"
OWN.mkdir()
HEAD = {"include_dashboard": True, "dashboard_host": "127.0.0.1", "dashboard_port": 0, "temp_dir": str(OWN)}
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "object_store_memory": STORE, **HEAD})
try:
    cluster.add_node(num_cpus=1, object_store_memory=STORE)
    sys.stdout.write(f"http://{cluster.head_node.webui_url}\n")  # type: ignore[attr-defined]
    sys.stdout.flush()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # Ray's own answer to it takes half a minute
    signal.sigwait({signal.SIGTERM})
finally:
    cluster.shutdown()
    shutil.rmtree(FOLDER, ignore_errors=True)
