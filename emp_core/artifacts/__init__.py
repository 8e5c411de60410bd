"""Files that jobs take and make: on a local disk, in an object store, or through the hub.

A file is named by `<job>/<attempt>/<number>` and is never overwritten. Whether an attempt may still add files is the
caller's matter: the store knows nothing of claims.

    contract.py   `ArtifactStore`, which all of them fulfil; what an upload may be
    objects.py    the layout, in any store that obstore speaks to
    local.py      the same layout on a disk, with what only a disk needs
    hub.py        through the hub
    opening.py    which of them a URL names
"""

from emp_core.artifacts.contract import ArtifactStore
from emp_core.artifacts.opening import open_artifacts, open_objects

__all__ = ["ArtifactStore", "open_artifacts", "open_objects"]
