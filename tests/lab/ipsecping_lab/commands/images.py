"""lab images: build the project's images and bring them to the cluster."""

from __future__ import annotations

from .. import existing
from ..building import project_images
from ..cluster import image_store, node
from ..host import packages, requirements
from ..layout import Layout
from ..progress import Progress
from .lifecycle import held


def build() -> int:
    """Build what changed; import what the cluster does not hold yet."""
    existing.require_own_lab("images")
    requirements.check()
    layout, progress = Layout.from_environment(), Progress()
    with held(layout, progress):
        packages.ensure((*packages.COMMON, *packages.IMAGES), progress)
        archives = project_images.build(project_images.IMAGES, progress)
        if node.init(layout) is None:
            progress.say("the cluster is not up: built only; `lab up`, then `lab images` again")
            return 0
        with progress.step("images to the cluster") as step:
            brought = image_store.bring(layout, archives)
            step.note = f"{', '.join(brought)} imported" if brought else "all there already"
    return 0
